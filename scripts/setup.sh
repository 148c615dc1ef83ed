# Sourced by the other scripts: installs what is missing from Debian, and nothing when all is there.

say() { printf '%s\n' "$*" >&2; }

# The packages among "$@" that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    say "lsend: these packages are missing and installing them needs root: ${missing[*]}"
    say "lsend: run this script as root once, or: apt-get install ${missing[*]}"
    return 1
  fi
}

# need_packages PACKAGE...: a second run finds all of them and touches no network.
need_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return 0
  say "lsend: installing ${missing[*]}"
  as_root apt-get update -qq </dev/null >&2 || return 1
  # Runlevel 1: what is a server is installed, not started.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" </dev/null >&2 || return 1
}

# Boost's newest headers of this distribution: Debian 12 keeps 1.81 beside its default.
boost_package() {
  local version
  for version in 1.90 1.88 1.83 1.81; do
    if dpkg-query -W "libboost$version-dev" >/dev/null 2>&1; then
      printf 'libboost%s-dev\n' "$version"
      return
    fi
  done
  local codename
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  if [ "$codename" = bookworm ]; then printf 'libboost1.81-dev\n'; else printf 'libboost-dev\n'; fi
}

build_packages() {
  printf '%s\n' g++ cmake ninja-build ccache "$(boost_package)" libssl-dev libcli11-dev \
    nlohmann-json3-dev libtomlplusplus-dev libspdlog-dev libutf8proc-dev pkg-config scdoc
}

test_packages() {
  printf '%s\n' catch2 python3 python3-pytest python3-pytest-xdist python3-requests python3-jsonschema acl bindfs iproute2 iptables openssl curl mandoc procps exfat-fuse exfatprogs ntfs-3g dosfstools
}

bench_packages() {
  printf '%s\n' python3 libbenchmark-dev openssh-client openssh-server rsync curl nginx iproute2 openssl
}
