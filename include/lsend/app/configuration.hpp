#pragma once

// The user's configuration as cmd sees it: cmd knows its keys, storage how to read the file, and
// what values mean on a disk: paths of this host, names at a receiver, a file with a PIN.
#include "lsend/storage/config.hpp"
#include "lsend/storage/home.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/unique_fd.hpp"
