#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>

namespace tiercel::memory::test {

/// What one thread asked of one key and what it heard. Times are of one counter, each taken once.
struct Operation {
    enum class Kind : std::uint8_t { get, put, erase, clear };

    Kind kind = Kind::get;
    unsigned thread = 0; ///< below 32; one operation of a thread at a time
    std::uint64_t invoked = 0;
    std::uint64_t responded = 0;
    std::uint64_t value = 0; ///< put: what it wrote, not 0; get: what it read, or 0 for nothing
    bool was_there = false;  ///< erase: what it said

    friend std::ostream& operator<<(std::ostream& out, const Operation& operation);
};

/// Whether a value may be gone that nobody erased.
enum class Loss : std::uint8_t {
    never,
    for_good, ///< evicted or expired: who misses it may say so, and then it does not come back
    seeming,  ///< a get may miss what others still find
};

/// Whether the operations on one key could have happened one after the other, each at some moment between its
/// invocation and its response, on a register that begins empty: Wing & Gong, "Testing and verifying concurrent
/// objects" (1993), searched from response to response with all reachable states at once, each kept once: Lowe,
/// "Testing for linearizability" (2017). The answer is an operation that fits nowhere; empty if all do.
/// Cost: O(operations), times at worst an exponential in the threads, that only overlapping puts approach.
std::optional<Operation> not_linearizable(std::span<const Operation> history, Loss loss);

} // namespace tiercel::memory::test
