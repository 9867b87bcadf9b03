#include <tiercel/event.hpp>

#include <cstdio>

namespace tiercel {

namespace {

std::string rounded_text(std::chrono::nanoseconds duration) {
    char text[32];
    const auto ms = static_cast<double>(duration.count()) / 1e6;
    if (ms < 1e3)
        std::snprintf(text, sizeof text, "%.0f ms", ms);
    else
        std::snprintf(text, sizeof text, "%.1f s", ms / 1e3);
    return text;
}

std::string probes_text(std::uint64_t probes) {
    return std::to_string(probes) + (probes == 1 ? " probe" : " probes");
}

std::string words(const TierOpened& opened) {
    const std::string beginning = "tier '" + opened.tier + "' ";
    const std::string state =
        opened.probes == 0 ? "opened" : "stays open after " + probes_text(opened.probes) + " in vain";
    return beginning + state + " (" + std::string(to_string(opened.reason.code())) + ": " + opened.reason.message() +
           "); next probe in " + rounded_text(opened.retry_in);
}

std::string words(const TierHalfOpen& half_open) {
    return "tier '" + half_open.tier + "' half-open: probe " + std::to_string(half_open.probes);
}

std::string words(const RepairsOverflowed& overflowed) {
    return "tier '" + overflowed.tier +
           "' has more to be repaired than can be remembered; all older values in it are given up";
}

std::string words(const WriteDropped& dropped) {
    return "a pending write was given up (" + std::string(to_string(dropped.reason.code())) + ": " +
           dropped.reason.message() + ")";
}

std::string words(const WritesLeft& left) {
    if (left.in_journal != 0)
        return "closed with " + std::to_string(left.in_journal) + " pending writes in its journal";
    return "closed, and lost " + std::to_string(left.lost) + " pending writes";
}

std::string words(const TierClosed& closed) {
    return "tier '" + closed.tier + "' closed after " + rounded_text(closed.open_for) + " and " +
           probes_text(closed.probes);
}

} // namespace

std::string to_string(const Event& event) {
    return "cache '" + event.cache + "': " + std::visit([](const auto& what) { return words(what); }, event.what);
}

} // namespace tiercel
