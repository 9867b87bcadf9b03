#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tiercel::lab {

/// SplitMix64: the same numbers on every machine, which the distributions of the standard library do not promise.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t bits() noexcept;
    /// Below `bound`, which is not 0.
    std::uint64_t below(std::uint64_t bound) noexcept;
    /// At least 0, below 1.
    double unit() noexcept;

private:
    std::uint64_t state_;
};

/// Ranks from 1 to `count`, rank r with a probability in proportion to r^-skew. O(1) whatever the count.
/// (W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", ACM
/// TOMACS 6(3), 1996.)
class ZipfRanks {
public:
    /// `skew` at least 0: 0 is the uniform distribution.
    ZipfRanks(std::uint64_t count, double skew) noexcept;
    std::uint64_t operator()(Random& random) const noexcept;

private:
    double integral(double x) const noexcept;
    double inverse_integral(double x) const noexcept;
    double density(double x) const noexcept;

    double count_;
    double skew_;
    double integral_of_first_;
    double integral_of_last_;
    double squeeze_;
};

enum class Pattern : unsigned char {
    zipf,    ///< some keys often, most rarely: key r with a probability in proportion to r^-skew
    scan,    ///< every key once, in order
    loop,    ///< the keys in order, over and over
    hotspot, ///< nine requests of ten go to a tenth of the keys, evenly; the tenth moves on, ten times over the trace
    mixed,   ///< the four above by turns, in stretches of chance length, each over keys of its own
};

struct GeneratorOptions {
    Pattern pattern = Pattern::zipf;
    std::uint64_t requests = 1'000'000;
    std::uint64_t keys = 100'000; ///< how many different keys at most; `scan` has as many as requests
    double skew = 0.99;           ///< of `zipf`, and of the part of `mixed` that is
    std::uint64_t seed = 1;
    /// Sizes in bytes for --weigh, even over the orders of magnitude between these, fixed for a key; none when 0.
    std::uint64_t least_size = 0;
    std::uint64_t most_size = 0;
};

/// Gives each line of the trace, its end included, to `line`. The same options give the same trace.
void generate(const GeneratorOptions& options, const std::function<void(std::string_view line)>& line);

} // namespace tiercel::lab
