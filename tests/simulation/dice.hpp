#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tiercel::simulation {

/// Chance that is the same on every machine for a seed (SplitMix64, Steele et al. 2014): the standard's distributions
/// are not.
class Dice {
public:
    explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t roll() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
    /// Below `count`, which is at least 1.
    std::size_t below(std::size_t count) noexcept { return static_cast<std::size_t>(roll() % count); }
    bool chance(double share) noexcept { return static_cast<double>(roll() >> 11) * 0x1p-53 < share; }

    /// From `least` to `most`, in steps of half a millisecond: coarse, so that things often happen at the same time.
    std::chrono::nanoseconds between(std::chrono::nanoseconds least, std::chrono::nanoseconds most) noexcept {
        constexpr std::chrono::microseconds step{500};
        const auto steps = static_cast<std::size_t>((most - least) / step) + 1;
        return least + step * static_cast<std::int64_t>(below(steps));
    }

private:
    std::uint64_t state_;
};

} // namespace tiercel::simulation
