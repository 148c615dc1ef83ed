#pragma once

struct statfs;

namespace lsend::storage {

/// One that lives in this machine: a write says what it meets when it is made, and the bits of a
/// file's mode are not overruled by a server. Of unknown ones: false.
bool is_local(const struct statfs& system);

/// SELinux or Smack may refuse what the bits of a mode allow.
bool has_labels();

}  // namespace lsend::storage
