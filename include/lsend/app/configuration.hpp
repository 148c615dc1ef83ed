#pragma once

// The user's configuration file as cmd sees it: cmd knows its keys, storage how to read it.
#include "lsend/storage/config.hpp"
