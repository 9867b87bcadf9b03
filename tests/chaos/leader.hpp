#pragma once

#include "outcome.hpp"

namespace tiercel::chaos {

/// Starts the server and the clients, has the faults happen, watches the clients, and ends all of it. Prints what is
/// going on every few seconds. Must be called on the process's main thread, with which what it starts dies.
/// Errors: std::runtime_error, of a server or client that cannot be started.
Outcome lead(const Run& run);

} // namespace tiercel::chaos
