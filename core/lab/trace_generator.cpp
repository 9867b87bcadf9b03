#include "lab/trace_generator.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace tiercel::lab {
namespace {

constexpr std::uint64_t hot_part = 10;       // one key of so many is hot
constexpr std::uint64_t hot_share = 90;      // percent of the requests
constexpr std::uint64_t hot_moves = 10;      // over the trace
constexpr std::uint64_t mean_stretches = 40; // of mixed, over the trace

/// One pattern's keys, from 1 on.
class Keys {
public:
    virtual ~Keys() = default;
    virtual std::uint64_t next(Random& random) = 0;
};

class ZipfKeys final : public Keys {
public:
    explicit ZipfKeys(const GeneratorOptions& options) : ranks_(options.keys, options.skew) {}
    std::uint64_t next(Random& random) override { return ranks_(random); }

private:
    ZipfRanks ranks_;
};

class ScanKeys final : public Keys {
public:
    std::uint64_t next(Random&) override { return ++last_; }

private:
    std::uint64_t last_ = 0;
};

class LoopKeys final : public Keys {
public:
    explicit LoopKeys(std::uint64_t keys) : keys_(keys) {}
    std::uint64_t next(Random&) override { return last_ = last_ % keys_ + 1; }

private:
    std::uint64_t keys_;
    std::uint64_t last_ = 0;
};

class HotspotKeys final : public Keys {
public:
    HotspotKeys(std::uint64_t keys, std::uint64_t requests)
        : keys_(keys),
          hot_(std::max<std::uint64_t>(1, keys / hot_part)),
          stay_(std::max<std::uint64_t>(1, requests / hot_moves)) {}

    std::uint64_t next(Random& random) override {
        const std::uint64_t first = asked_++ / stay_ * hot_;
        if (random.below(100) < hot_share) return (first + random.below(hot_)) % keys_ + 1;
        return random.below(keys_) + 1;
    }

private:
    std::uint64_t keys_;
    std::uint64_t hot_;
    std::uint64_t stay_;
    std::uint64_t asked_ = 0;
};

std::unique_ptr<Keys> keys_of(Pattern pattern, const GeneratorOptions& options) {
    switch (pattern) {
    case Pattern::scan:
        return std::make_unique<ScanKeys>();
    case Pattern::loop:
        return std::make_unique<LoopKeys>(options.keys);
    case Pattern::hotspot:
        return std::make_unique<HotspotKeys>(options.keys, options.requests);
    case Pattern::zipf:
    case Pattern::mixed:
        break;
    }
    return std::make_unique<ZipfKeys>(options);
}

/// Writes lines, with the size that goes with the key.
class Lines {
public:
    Lines(const GeneratorOptions& options, const std::function<void(std::string_view)>& line)
        : options_(options),
          line_(line),
          orders_(std::log(static_cast<double>(options.most_size) /
                           static_cast<double>(std::max<std::uint64_t>(1, options.least_size)))) {}

    void write(std::string_view prefix, std::uint64_t key) {
        text_ = prefix;
        text_ += std::to_string(key);
        if (options_.least_size != 0) {
            text_ += ' ';
            text_ += std::to_string(size_of(hash_of(std::string_view(text_))));
        }
        text_ += '\n';
        line_(text_);
    }

private:
    std::uint64_t size_of(std::uint64_t key_hash) const {
        const double place = Random(key_hash ^ options_.seed).unit();
        const auto size =
            static_cast<std::uint64_t>(static_cast<double>(options_.least_size) * std::exp(orders_ * place));
        return std::clamp(size, options_.least_size, options_.most_size);
    }

    const GeneratorOptions& options_;
    const std::function<void(std::string_view)>& line_;
    double orders_;
    std::string text_;
};

void generate_mixed(const GeneratorOptions& options, Random& random, Lines& lines) {
    constexpr std::array patterns{Pattern::zipf, Pattern::scan, Pattern::loop, Pattern::hotspot};
    constexpr std::array<std::string_view, patterns.size()> prefixes{"z", "s", "l", "h"};
    GeneratorOptions part = options;
    part.keys = std::max<std::uint64_t>(1, options.keys / patterns.size());
    part.requests = std::max<std::uint64_t>(1, options.requests / patterns.size());
    std::array<std::unique_ptr<Keys>, patterns.size()> keys;
    for (std::size_t at = 0; at < patterns.size(); ++at)
        keys[at] = keys_of(patterns[at], part);

    const std::uint64_t longest = std::max<std::uint64_t>(1, 2 * options.requests / mean_stretches);
    std::uint64_t turn = 0;
    for (std::uint64_t done = 0; done < options.requests; ++turn) {
        const std::size_t which = turn % patterns.size();
        const std::uint64_t end = std::min(options.requests, done + 1 + random.below(longest));
        for (; done < end; ++done)
            lines.write(prefixes[which], keys[which]->next(random));
    }
}

} // namespace

std::uint64_t Random::bits() noexcept {
    const std::uint64_t number = detail::mix(state_);
    state_ += 0x9e3779b97f4a7c15u;
    return number;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(bits()) * bound >> 64);
}

double Random::unit() noexcept {
    return std::ldexp(static_cast<double>(bits() >> 11), -53);
}

ZipfRanks::ZipfRanks(std::uint64_t count, double skew) noexcept
    : count_(static_cast<double>(count)),
      skew_(skew),
      integral_of_first_(integral(1.5) - 1),
      integral_of_last_(integral(count_ + 0.5)),
      squeeze_(2 - inverse_integral(integral(2.5) - density(2))) {}

std::uint64_t ZipfRanks::operator()(Random& random) const noexcept {
    while (true) {
        const double u = integral_of_last_ + random.unit() * (integral_of_first_ - integral_of_last_);
        const double x = inverse_integral(u);
        const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
        if (rank - x <= squeeze_ || u >= integral(rank + 0.5) - density(rank)) return static_cast<std::uint64_t>(rank);
    }
}

/// Of x^-skew, through the point where skew 1 turns it into a logarithm.
double ZipfRanks::integral(double x) const noexcept {
    const double log_x = std::log(x);
    const double t = (1 - skew_) * log_x;
    return (std::abs(t) > 1e-8 ? std::expm1(t) / t : 1 + t / 2 * (1 + t / 3)) * log_x;
}

double ZipfRanks::inverse_integral(double x) const noexcept {
    const double t = std::max(-1.0, x * (1 - skew_));
    return std::exp((std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t / 2 * (1 - t * 2 / 3)) * x);
}

double ZipfRanks::density(double x) const noexcept {
    return std::exp(-skew_ * std::log(x));
}

void generate(const GeneratorOptions& options, const std::function<void(std::string_view line)>& line) {
    Random random(options.seed);
    Lines lines(options, line);
    if (options.pattern == Pattern::mixed) {
        generate_mixed(options, random, lines);
        return;
    }
    const auto keys = keys_of(options.pattern, options);
    for (std::uint64_t done = 0; done < options.requests; ++done)
        lines.write("", keys->next(random));
}

} // namespace tiercel::lab
