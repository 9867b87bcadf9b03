#include "fault_deck.hpp"

#include <array>

namespace tiercel::chaos {

namespace {

struct Kind {
    std::string_view name;
    std::string_view description;
};

constexpr std::array<Kind, fault_kind_count> kinds{{
    {"slow", "the proxy holds each reply back for 5 to 100 ms"},
    {"cut", "the proxy closes each connection after 1 to 2,000 bytes of replies, in the middle of one"},
    {"silent", "after 1 to 2,000 bytes the proxy lets nothing through; connections stay open"},
    {"half-open", "the proxy's connections, old and new, lead nowhere; nobody is told"},
    {"sliced", "the proxy sends one byte at a time"},
    {"corrupt", "the proxy flips a bit in every 50 to 5,000 bytes of replies"},
    {"refused", "the proxy closes its connections and listens no more"},
    {"mixed", "the proxy delays, slices, cuts and silences at random"},
    {"stopped", "SIGSTOP, then SIGCONT, of the server"},
    {"killed", "kill -9 of the server, then another on the same port, empty"},
    {"flushed", "FLUSHALL, or flush_all, at once and once more at the end"},
    {"evicting", "the server has hardly any memory, and evicts"},
    {"full", "the server has hardly any memory, and refuses writes (OOM; memcached -M)"},
    {"read-only", "Redis becomes a replica of nobody: READONLY"},
    {"no-replicas", "Redis wants replicas before it writes: NOREPLICAS"},
    {"client-killed", "kill -9 of a client, then another in its place"},
}};

const Kind& of(FaultKind kind) noexcept {
    return kinds[static_cast<std::size_t>(kind)];
}

} // namespace

std::string_view to_string(FaultKind kind) noexcept {
    return of(kind).name;
}

std::string_view description_of(FaultKind kind) noexcept {
    return of(kind).description;
}

bool is_of_the_way(FaultKind kind) noexcept {
    return kind <= FaultKind::mixed;
}

bool is_known_to(FaultKind kind, ServerKind server) noexcept {
    return server == ServerKind::redis || (kind != FaultKind::read_only && kind != FaultKind::no_replicas);
}

FaultDeck::FaultDeck(const Run& run) : server_(run.server), processes_(run.processes), random_(run.seed) {}

Fault FaultDeck::next() {
    if (cards_.empty()) {
        for (std::size_t i = 0; i < fault_kind_count; ++i) {
            const auto kind = static_cast<FaultKind>(i);
            if (is_known_to(kind, server_)) cards_.push_back(kind);
        }
        for (std::size_t i = cards_.size() - 1; i > 0; --i)
            std::swap(cards_[i], cards_[below(i + 1)]);
    }
    Fault fault{.number = ++number_, .kind = cards_.back()};
    cards_.pop_back();
    fault.after = std::chrono::milliseconds(20 + below(150));
    // Shorter than what opens a breaker (5 x 50 ms), or longer.
    fault.lasts = std::chrono::milliseconds(below(2) == 0 ? 20 + below(200) : 300 + below(700));
    fault.client = static_cast<std::uint32_t>(below(processes_));
    switch (fault.kind) {
    case FaultKind::slow:
        fault.size = 5 + below(96);
        break;
    case FaultKind::corrupt:
        fault.size = 50 + below(4'951);
        break;
    case FaultKind::cut:
    case FaultKind::silent:
        fault.size = 1 + below(2'000);
        break;
    default:
        fault.size = random_();
    }
    return fault;
}

} // namespace tiercel::chaos
