#include <net/if.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "lsend/net/http_client.hpp"
#include "lsend/net/interfaces.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/net/tcp_link.hpp"

namespace lsend::net {

namespace {

constexpr Duration kLook{20};

/// A question that glibc asks on a thread of its own. Asio's resolver does that too, but waits for
/// the thread at the end of the program, and name servers that are away take half a minute.
class Question {
 public:
  explicit Question(std::string host) : host_(std::move(host)) {
    hints_.ai_socktype = SOCK_STREAM;
    request_.ar_name = host_.c_str();
    request_.ar_request = &hints_;
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() {
    if (request_.ar_result != nullptr) freeaddrinfo(request_.ar_result);
  }

  bool ask() {
    gaicb* list[] = {&request_};
    return getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr) == 0;
  }
  bool pending() { return gai_error(&request_) == EAI_INPROGRESS; }
  /// False when glibc still works on it, and writes into this object when it is done.
  bool call_off() { return gai_cancel(&request_) != EAI_NOTCANCELED || !pending(); }

  std::vector<std::string> addresses() {
    std::vector<std::string> found;
    if (gai_error(&request_) != 0) return found;
    for (const auto* entry = request_.ar_result; entry != nullptr; entry = entry->ai_next) {
      asio::ip::tcp::endpoint endpoint;
      if (entry->ai_addrlen > endpoint.capacity()) continue;
      endpoint.resize(entry->ai_addrlen);
      std::copy_n(reinterpret_cast<const std::byte*>(entry->ai_addr), entry->ai_addrlen,
                  reinterpret_cast<std::byte*>(endpoint.data()));
      found.push_back(address_text(endpoint.address()));
    }
    return found;
  }

 private:
  std::string host_;
  addrinfo hints_{};
  gaicb request_{};
};

/// Ends a question on every way out. What glibc has not given back is never freed.
struct GiveUp {
  void operator()(Question* question) const {
    if (question->call_off())
      delete question;
    else
      left_behind().push_back(question);
  }
  static std::vector<Question*>& left_behind() {
    static auto& left = *new std::vector<Question*>;
    return left;
  }
};

/// A link-local address is there in every network: without an interface nobody knows which is meant.
bool lacks_interface(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_link_local()) return false;
  std::array<char, IF_NAMESIZE> name{};
  const auto index = static_cast<unsigned>(address.to_v6().scope_id());
  return index == 0 || if_indextoname(index, name.data()) == nullptr;
}

/// `address` as the user wrote it, maybe with an interface that is not there.
Error needs_interface(const std::string& address) {
  const auto percent = std::min(address.find('%'), address.size());
  std::string there;
  std::string example = "eth0";
  if (const auto all = list_interfaces()) {
    for (const auto& each : all->interfaces) {
      if (each.loopback || !each.has_v6()) continue;
      if (there.empty()) example = each.name;
      there += (there.empty() ? "" : ", ") + each.name;
    }
    if (there.empty()) there = "none with IPv6";
  }
  auto text = percent < address.size()
                  ? "there is no interface '" + address.substr(percent + 1) + "': write "
                  : "'" + address +
                        "' is an address that every network may have (link-local); say which "
                        "interface leads to it: write ";
  text += address.substr(0, percent) + "%" + example;
  if (!there.empty()) text += " (interfaces that are up: " + there + ")";
  return fail(Errc::usage, text);
}

/// Of the addresses that a name has, those that can be called.
Result<std::vector<std::string>> callable(const std::string& host,
                                          const std::vector<std::string>& addresses) {
  if (addresses.empty()) return fail(Errc::not_found, "no address for host '" + host + "'");
  std::vector<std::string> good;
  for (const auto& address : addresses) {
    error_code ec;
    const auto parsed = asio::ip::make_address(address, ec);
    if (ec || !lacks_interface(parsed)) good.push_back(address);
  }
  if (good.empty()) return needs_interface(addresses.front());
  return good;
}

}  // namespace

Task<Result<std::vector<std::string>>> resolve_host(std::string host, Duration limit,
                                                    std::function<bool()> stopped) {
  error_code ec;
  const auto literal = asio::ip::make_address(host, ec);
  if (!ec && lacks_interface(literal)) co_return needs_interface(host);
  if (!ec) co_return std::vector<std::string>(1, address_text(literal));
  const std::unique_ptr<Question, GiveUp> question(new Question(host));
  const auto until = Clock::now() + limit;
  const bool asked = question->ask();
  while (asked && question->pending()) {
    const bool called_off = stopped && stopped();
    if (!called_off && Clock::now() < until) {
      co_await sleep_for(kLook);
      continue;
    }
    if (called_off) co_return fail(Errc::cancelled, "looking up '" + host + "': called off");
    co_return fail(Errc::not_found, "no name server answered for host '" + host + "' in time");
  }
  auto addresses = asked ? question->addresses() : std::vector<std::string>();
  co_return callable(host, addresses);
}

}  // namespace lsend::net
