#include "history.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>
#include <vector>

namespace tiercel::simulation {
namespace {

/// FNV-1a over words.
class Hash {
public:
    void add(std::uint64_t word) noexcept {
        for (int i = 0; i < 8; ++i) {
            state_ = (state_ ^ (word & 0xFF)) * 0x100000001B3U;
            word >>= 8;
        }
    }
    void add(const Moment& moment) noexcept {
        add(moment.seq);
        add(static_cast<std::uint64_t>(moment.at.count()));
    }
    void add(const std::string& text) noexcept {
        for (const char c : text)
            add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    }
    std::uint64_t value() const noexcept { return state_; }

private:
    std::uint64_t state_ = 0xCBF29CE484222325U;
};

std::string described(const KeyResult& result) {
    switch (result.kind) {
    case KeyResult::Kind::miss:
        return "miss";
    case KeyResult::Kind::done: {
        std::string text = result.report.in_memory ? "done, in memory" : "done";
        for (const auto& tier : result.report.tiers) {
            static constexpr const char* kinds[] = {"done", "skipped", "too large", "failed", "queued"};
            text += ", " + tier.tier + " " + kinds[static_cast<std::size_t>(tier.kind)];
        }
        return text;
    }
    case KeyResult::Kind::error:
        return "error " + std::string(tiercel::to_string(result.code)) + ": " + result.text;
    case KeyResult::Kind::value:
    case KeyResult::Kind::absent:
        break;
    }
    static constexpr const char* places[] = {"nobody", "memory", "tier", "loader"};
    std::string text = result.kind == KeyResult::Kind::absent ? std::string("absent")
                                                              : "value k" + std::to_string(key_of(result.value)) +
                                                                    "/birth " + std::to_string(birth_of(result.value));
    text += std::string(" from ") + places[static_cast<std::size_t>(result.source.kind)];
    if (result.source.kind == Source::Kind::tier) text += " " + std::to_string(result.source.tier);
    text += ", " + std::to_string(result.age.count() / 1'000) + " us old";
    static constexpr const char* reasons[] = {
        "", ", revalidating", ", load failed", ", load slow", ", retry later", ", not loaded"};
    text += reasons[static_cast<std::size_t>(result.stale)];
    if (result.stale != StaleReason::fresh) text += " (" + std::to_string(result.staleness.count() / 1'000) + " us)";
    return text;
}

std::string keys_of(const Operation& operation) {
    if (operation.keys.empty()) return "all";
    std::string text;
    for (const auto key : operation.keys)
        text += (text.empty() ? "k" : " k") + std::to_string(key);
    return text;
}

} // namespace

std::string_view to_string(Act act) noexcept {
    static constexpr std::string_view names[] = {"get", "get_or_load", "put", "invalidate", "clear", "prime", "close"};
    return names[static_cast<std::size_t>(act)];
}

std::uint64_t History::hash() const {
    Hash hash;
    for (const auto& operation : operations) {
        hash.add(operation.life);
        hash.add(static_cast<std::uint64_t>(operation.act));
        hash.add(operation.begin);
        hash.add(operation.end);
        hash.add(operation.cancelled);
        for (const auto key : operation.keys)
            hash.add(key);
        for (const auto& result : operation.results)
            hash.add(described(result));
    }
    for (const auto& birth : births) {
        hash.add(birth.begin);
        hash.add(birth.end);
        hash.add(birth.committed);
        hash.add(birth.source_version);
    }
    for (const auto& call : server_calls) {
        hash.add(call.begin);
        hash.add(call.applied);
        hash.add(call.end);
        hash.add(call.value);
    }
    for (const auto& event : told) {
        hash.add(static_cast<std::uint64_t>(event.kind));
        hash.add(event.probes);
        hash.add(event.at);
    }
    // What leaves memory at once, by clear() or close(), leaves in the order of its table, which is nobody's business.
    std::vector<std::tuple<nanoseconds, std::size_t, Key, Value>> left;
    left.reserve(departures.size());
    for (const auto& departure : departures)
        left.emplace_back(departure.at.at, departure.life, departure.key, departure.value);
    std::sort(left.begin(), left.end());
    for (const auto& [at, life, key, value] : left) {
        hash.add(static_cast<std::uint64_t>(at.count()));
        hash.add(key);
        hash.add(value);
    }
    for (const auto& note : notes) {
        hash.add(note.at);
        hash.add(note.text);
    }
    hash.add(events);
    return hash.value();
}

std::string History::to_text() const {
    std::vector<std::pair<Moment, std::string>> lines;
    const auto line = [&](const Moment& moment, std::string text) {
        if (moment) lines.emplace_back(moment, std::move(text));
    };
    const auto who = [&](std::size_t life) {
        return "p" + std::to_string(lives[life].process) + "/life " + std::to_string(life) + "  ";
    };
    for (std::size_t i = 0; i < lives.size(); ++i)
        line(lives[i].began, who(i) + "begins");
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto& operation = operations[i];
        const std::string name = who(operation.life) + "#" + std::to_string(i) + " " +
                                 std::string(to_string(operation.act)) + " " + keys_of(operation);
        std::string options = "  timeout " + std::to_string(operation.timeout.count() / 1'000'000) + " ms";
        if (operation.strictness == Strictness::strict) options += ", strict";
        if (operation.skips_memory) options += ", skips memory";
        if (operation.skips_tier) options += ", skips a tier";
        if (operation.require == Require::fresh) options += ", fresh";
        if (operation.max_staleness)
            options += ", max staleness " + std::to_string(operation.max_staleness->count() / 1'000) + " us";
        for (const auto birth : operation.births)
            options += ", birth " + std::to_string(birth);
        line(operation.begin, name + " begins" + options);
        line(operation.cancelled, name + " is cancelled");
        std::string results;
        for (const auto& result : operation.results)
            results += (results.empty() ? "" : "; ") + described(result);
        line(operation.end, name + " ends: " + results);
    }
    for (std::size_t i = 0; i < births.size(); ++i) {
        const auto& birth = births[i];
        const std::string name = who(birth.life) + "birth " + std::to_string(i) + " of k" + std::to_string(birth.key) +
                                 (birth.kind == Birth::Kind::load ? " (load)" : " (put)");
        static constexpr const char* outcomes[] = {"open", "a value", "absent", "an error"};
        line(birth.begin, name + " begins");
        line(birth.committed, name + " is in the source as version " + std::to_string(birth.source_version));
        line(birth.end, name + " ends with " + outcomes[static_cast<std::size_t>(birth.outcome)] + ", version " +
                            std::to_string(birth.source_version) + (birth.cacheable ? "" : ", not to be cached"));
    }
    for (const auto& call : server_calls) {
        static constexpr const char* kinds[] = {"get", "put", "erase"};
        std::string name = who(call.life) + "server " + std::to_string(call.server) + ": " +
                           kinds[static_cast<std::size_t>(call.kind)] + " " +
                           (call.key ? "k" + std::to_string(*call.key) : std::string("the marker"));
        if (call.conditional) name += call.lease ? " lease" : " conditionally";
        if (call.value != 0) name += " (birth " + std::to_string(birth_of(call.value)) + ")";
        line(call.begin, name + " sent");
        line(call.applied, name + " applied");
        line(call.end, name + (call.ok ? " answered" : " failed"));
    }
    for (const auto& departure : departures) {
        line(departure.at, who(departure.life) + "k" + std::to_string(departure.key) +
                               " left memory: " + std::string(tiercel::to_string(departure.cause)));
    }
    for (const auto& event : told) {
        static constexpr const char* kinds[] = {"opened", "is probed", "closed", "has too many repairs"};
        line(event.at, who(event.life) + "tier" + std::to_string(event.tier) + " " +
                           kinds[static_cast<std::size_t>(event.kind)] + " (" + std::to_string(event.probes) +
                           " probes)");
    }
    for (const auto& note : notes)
        line(note.at, note.text);
    std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.first.before(b.first); });
    std::string text;
    for (const auto& [moment, what] : lines) {
        char head[48];
        std::snprintf(head, sizeof head, "%6llu %11.6f s  ", static_cast<unsigned long long>(moment.seq),
                      static_cast<double>(moment.at.count()) / 1e9);
        text += head + what + "\n";
    }
    return text;
}

} // namespace tiercel::simulation
