#pragma once

#include "lsend/app/receive.hpp"
#include "lsend/storage/fence.hpp"
#include "lsend/storage/home.hpp"

namespace lsend::app {

/// What a crash or a debugger of the same user would show of this process's memory stays here:
/// called once a key is in it (reliability.md 9.1). Children that are executed are as before, but
/// for the soft limit of core files.
void hide_memory();

/// What `receive` reaches by name once it listens: its folder, the known devices, and what SIGHUP
/// reads. Of a file that is read again its folder counts, as editors replace files; not where that
/// is the user's home or one of the system's: there it is the file alone.
std::vector<storage::FencePlace> receiver_places(const ReceiveOptions& options,
                                                 const storage::Home& home,
                                                 const storage::Inbox& inbox);

/// Gives up privileges and raises the fence, and logs what came of it. Not done for who has us run
/// commands (false): they would be fenced in as well. Best effort: a kernel that cannot is no
/// error.
bool confine_receiver(const ReceiveOptions& options, const storage::Home& home,
                      const storage::Inbox& inbox);

}  // namespace lsend::app
