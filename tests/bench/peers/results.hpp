#pragma once

#include "../statistics.hpp"
#include "runner.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tiercel::bench::peers {

/// What every contender is asked to do in one row of the table.
struct Case {
    std::string keys; ///< "64-bit" or "32-byte"
    std::size_t capacity;
    Workload workload;
    unsigned threads;

    /// As --filter sees it, e.g. "64-bit 65536 hits x2".
    std::string name() const;
    friend auto operator<=>(const Case&, const Case&) = default;
};

/// A contender's samples in one row, a repetition each.
struct Column {
    std::string contender;
    Role role;
    std::vector<Sample> samples;
};

struct Row {
    Case what;
    std::vector<Column> columns;

    const Column* find(Role role) const;
    /// Of those that evict and are not ours, the one with the best median rate; null if there is none.
    const Column* best_peer() const;
};

/// What one entry takes, measured in a process of its own.
struct MemoryUse {
    std::string contender;
    double bytes_per_entry = 0;       ///< resident, all included
    double bookkeeping_per_entry = 0; ///< beyond key, value and the value's allocation
};

Spread rate_of(const Column& column);
/// Of the rates, repetition by repetition.
Spread ratio_of(const Column& one, const Column& other);

struct Results {
    std::vector<Row> rows;
    std::vector<MemoryUse> memory;
    double payload_bytes = 0; ///< a key and a string in a vector, with the string's allocation

    const Row* find(const Case& what) const;
};

} // namespace tiercel::bench::peers
