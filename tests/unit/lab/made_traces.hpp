#pragma once

#include "lab/trace.hpp"
#include "lab/trace_generator.hpp"
#include "lab/trace_reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tiercel::lab::test {

inline std::string generated_text(const GeneratorOptions& options) {
    std::string text;
    generate(options, [&](std::string_view line) { text += line; });
    return text;
}

inline Trace generated_trace(const GeneratorOptions& options) {
    return trace_of_words(generated_text(options));
}

/// Requests for `keys` keys, each as likely.
inline Trace random_trace(std::uint64_t seed, std::uint64_t requests, std::uint64_t keys) {
    return generated_trace({.pattern = Pattern::zipf, .requests = requests, .keys = keys, .skew = 0, .seed = seed});
}

} // namespace tiercel::lab::test
