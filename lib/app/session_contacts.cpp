#include "lib/app/session_contacts.hpp"

#include <algorithm>

namespace lsend::app {

void SessionContacts::add(const Session& session, std::shared_ptr<const net::Contact> contact) {
  auto& open = contacts_[&session].open;
  if (std::find(open.begin(), open.end(), contact) == open.end())
    open.push_back(std::move(contact));
}

transfer::Attendance SessionContacts::of(const Session& session, bool closely) {
  transfer::Attendance attendance;
  const auto found = contacts_.find(&session);
  if (found == contacts_.end()) return attendance;
  auto& open = found->second.open;
  auto& last = found->second.last;
  std::erase_if(open, [&last](const auto& contact) {
    if (contact->open()) return false;
    if (!last || contact->ended() >= last->ended()) last = contact;
    return true;
  });
  if (!open.empty())
    attendance.silent = closely && std::all_of(open.begin(), open.end(), [](const auto& contact) {
                          return contact->silent();
                        });
  else if (last && !last->closed_here())
    attendance.left = last->ended();
  return attendance;
}

}  // namespace lsend::app
