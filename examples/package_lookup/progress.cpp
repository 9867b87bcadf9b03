#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace package_lookup {

namespace {

void draw_bar(std::uint64_t done, std::uint64_t total) {
    constexpr std::uint64_t width = 40;
    const auto filled = static_cast<std::size_t>(width * done / total);
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::printf("\r  [%s] %3llu %%  %llu of %llu", bar.c_str(), static_cast<unsigned long long>(100 * done / total),
                static_cast<unsigned long long>(done), static_cast<unsigned long long>(total));
    if (done == total) std::printf("\n");
    std::fflush(stdout);
}

} // namespace

std::function<void(const tiercel::PrimeProgress&)> prime_progress() {
    return [on_terminal = ::isatty(STDOUT_FILENO) == 1,
            quarters = std::uint64_t{0}](const tiercel::PrimeProgress& progress) mutable {
        const auto total = std::max<std::uint64_t>(1, progress.total.value_or(progress.counts.keys));
        const auto done = progress.counts.settled();
        if (on_terminal) {
            draw_bar(done, total);
        } else if (4 * done / total > quarters) {
            quarters = 4 * done / total;
            std::printf("  %3llu %%  %llu of %llu\n", static_cast<unsigned long long>(100 * done / total),
                        static_cast<unsigned long long>(done), static_cast<unsigned long long>(total));
            std::fflush(stdout);
        }
    };
}

std::string with_commas(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

std::string percent(double ratio) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f %%", 100 * ratio);
    return text;
}

} // namespace package_lookup
