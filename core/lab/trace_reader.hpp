#pragma once

#include "lab/trace.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tiercel::lab {

struct TraceOptions {
    bool weigh = false;     ///< read the sizes, and demand one on each line
    std::uint64_t seed = 0; ///< salts the hashes of keys
    /// Told now and then how much of the file has been read, 0 to 1.
    std::function<void(double)> on_progress = {};
};

/// Reads a trace: one request a line, the key up to the first blank (space or tab), then optionally a size in bytes.
/// Empty lines count for nothing; a carriage return before the end of the line is dropped. Plain, gzip or zstd; "-" is
/// standard input. In memory: 4 bytes a request (12 when weighed), about 80 and its text for a key.
/// Errors: throws Failure, naming file and line.
Trace read_trace(const std::string& path, const TraceOptions& options = {});

/// A trace of the words of `text`.
Trace trace_of_words(std::string_view text, std::uint64_t seed = 0);

/// The file's name up to its first extension `.trace`, all of it if there is none: web.trace.zst gives web.
std::string trace_name(const std::string& path);

} // namespace tiercel::lab
