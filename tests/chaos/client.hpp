#pragma once

#include "board.hpp"

#include <cstdint>
#include <filesystem>

namespace tiercel::chaos {

/// What a client process does until Board::stop: calls its caches from all its threads at once, and judges every value.
/// What is wrong goes to the standard error too, some lines of it. Returns the exit code.
int run_client(Board& board, std::uint32_t place);

} // namespace tiercel::chaos
