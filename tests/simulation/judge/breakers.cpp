#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

constexpr std::size_t keys_of_a_probe = 16;

/// One request of a life to one of its servers, whatever the number of its keys.
struct Request {
    std::size_t index = 0; ///< of its first key's call
    std::size_t keys = 0;
    nanoseconds begin{}, deadline{};
    std::optional<nanoseconds> end; ///< when its cache heard
    bool answered = false, failed = false;
    bool has_key = false, conditional = false;
    ServerCall::Kind kind{};

    bool is_probe() const { return kind == ServerCall::Kind::get && !has_key && keys == keys_of_a_probe; }
    bool is_over_by(nanoseconds when) const { return std::min(end.value_or(deadline), deadline) <= when; }
    /// When the cache took it for failed, if it did; an answer at the very deadline may be either.
    std::optional<nanoseconds> failed_at() const {
        if (!end || *end >= deadline) return deadline;
        return failed ? end : std::nullopt;
    }
    std::optional<nanoseconds> answered_at() const { return answered && end && *end < deadline ? end : std::nullopt; }
};

std::vector<Request> requests_to(const CaseFile& file, std::size_t life, std::uint32_t server) {
    std::vector<Request> requests;
    std::size_t last = SIZE_MAX;
    for (std::size_t i = 0; i < file.history.server_calls.size(); ++i) {
        const auto& call = file.history.server_calls[i];
        if (call.life != life || call.server != server) continue;
        if (call.request != last) {
            last = call.request;
            auto& request = requests.emplace_back();
            request.index = i;
            request.begin = call.begin.at;
            request.deadline = call.deadline;
            request.kind = call.kind;
            request.conditional = call.conditional;
            if (call.end) request.end = call.end.at;
        }
        auto& request = requests.back();
        ++request.keys;
        request.has_key = request.has_key || call.key.has_value();
        request.answered = request.answered || call.heard == ServerCall::Heard::answer;
        request.failed = request.failed || call.heard == ServerCall::Heard::failure;
    }
    return requests;
}

/// The breaker of one tier in one life, by what it told and what it let through.
class Watch {
public:
    Watch(CaseFile& file, std::size_t life, std::size_t tier)
        : file_(file), life_(file.history.lives[life]), tier_(tier), number_(life) {
        for (const auto& told : file.history.told) {
            if (told.life == life && told.tier == tier && told.kind != Told::Kind::overflowed) told_.push_back(&told);
        }
        requests_ = requests_to(file, life, life_.servers[tier]);
        const auto* closing = file.closing(life);
        closes_at_ = closing != nullptr ? closing->begin.at : nanoseconds::max();
    }

    void judge() {
        judge_order();
        judge_openings();
        judge_calls_while_open();
        if (life_.lease_ttl == nanoseconds::zero()) judge_failures();
        if (life_.settled && !life_.tiers_in_use[tier_]) report("was not in use long after its server was well");
    }

private:
    void report(const std::string& what) {
        file_.report(6, "p" + std::to_string(life_.process) + "/life " + std::to_string(number_) + ": tier " +
                            std::to_string(tier_) + " " + what);
    }

    /// Each transition is told once: opened, probed, opened, probed, closed ...
    void judge_order() {
        bool open = false, probing = false;
        std::uint64_t probes = 0;
        for (const auto* told : told_) {
            bool right = false;
            switch (told->kind) {
            case Told::Kind::opened:
                right = open ? probing && told->probes == probes : told->probes == 0;
                probes = open ? probes : 0;
                open = true;
                probing = false;
                break;
            case Told::Kind::half_open:
                right = open && !probing && told->probes == ++probes;
                probing = true;
                break;
            case Told::Kind::closed:
                right = open && probing && told->probes == probes;
                open = probing = false;
                break;
            case Told::Kind::overflowed:
                break;
            }
            if (right) continue;
            report("told of its breaker out of order at " + text_of(told->at));
            return;
        }
    }

    /// Enough calls had failed in a row, and nothing was answered for long.
    void judge_openings() {
        nanoseconds since{};
        std::uint64_t openings = 0;
        for (const auto* told : told_) {
            if (told->kind == Told::Kind::closed) since = told->at.at;
            if (told->kind != Told::Kind::opened || told->probes != 0) continue;
            ++openings;
            const auto when = told->at.at;
            const auto silence = life_.tier_timeouts[tier_];
            std::optional<nanoseconds> answered;
            // Half of what ends a lease is no call's answer.
            const bool halves = life_.lease_ttl > nanoseconds::zero();
            for (const auto& request : requests_) {
                if (halves) break;
                const auto at = request.answered_at();
                if (at && request.begin > since && *at < when) answered = std::max(answered.value_or(*at), *at);
            }
            const auto failures = std::count_if(requests_.begin(), requests_.end(), [&](const Request& request) {
                const auto at = request.failed_at();
                return at && request.begin >= since && *at <= when && (!answered || *at >= *answered);
            });
            if (failures < static_cast<std::ptrdiff_t>(life_.breaker_failures)) {
                report("was left out at " + text_of(told->at) + " after " + std::to_string(failures) + " failures");
            } else if (answered && when - *answered < silence) {
                report("was left out at " + text_of(told->at) + ", though it had answered less than its timeout ago");
            }
        }
        if (closes_at_ == nanoseconds::max() || life_.breakers_opened.size() <= tier_) return;
        // What happens while the cache closes need not be told.
        const auto counted = life_.breakers_opened[tier_];
        if (counted < openings || counted > openings + 1)
            report("was left out " + std::to_string(counted) + " times, and told " + std::to_string(openings));
    }

    bool is_left_out_at(nanoseconds when) const {
        const Told* last = nullptr;
        for (const auto* told : told_) {
            if (told->at.at == when) return false; // either
            if (told->at.at < when) last = told;
        }
        return last != nullptr && last->kind != Told::Kind::closed;
    }

    /// Nothing goes to it then but probes, one at a time.
    void judge_calls_while_open() {
        nanoseconds probing_until{-1};
        for (const auto& request : requests_) {
            if (request.begin >= closes_at_) return;
            if (request.is_probe()) {
                if (request.begin < probing_until)
                    report("was probed at " + text_of({0, request.begin}) + " while another probe was under way");
                probing_until = std::min(request.end.value_or(request.deadline), request.deadline);
                continue;
            }
            // The second half of ending a lease, whose first half was let through.
            if (request.conditional) continue;
            if (is_left_out_at(request.begin)) {
                report("was sent a request at " + text_of({0, request.begin}) + " while its breaker was open");
                return;
            }
        }
    }

    /// It opens when it must: the request after enough failures is not sent.
    void judge_failures() {
        if (life_.breaker_failures == 0) return;
        struct Fact {
            nanoseconds at;
            int kind; ///< 0: failed, 1: answered, 2: a request begins
            const Request* request;
        };
        std::vector<Fact> facts;
        for (const auto& request : requests_) {
            if (const auto at = request.answered_at()) facts.push_back({*at, 1, &request});
            if (request.is_probe()) continue;
            facts.push_back({request.begin, 2, &request});
            const auto at = request.failed_at();
            // One at the very deadline may have been in time; one with little time says nothing.
            const bool ambiguous = request.end && *request.end == request.deadline && !request.failed;
            const bool brief = request.deadline - request.begin < life_.tier_timeouts[tier_];
            if (at && !ambiguous && !brief) facts.push_back({*at, 0, &request});
            if (ambiguous) facts.push_back({request.deadline, 1, &request});
        }
        std::stable_sort(facts.begin(), facts.end(),
                         [](const Fact& a, const Fact& b) { return a.at != b.at ? a.at < b.at : a.kind < b.kind; });
        std::uint32_t in_a_row = 0;
        std::optional<nanoseconds> answered;
        constexpr auto never = nanoseconds::max();
        auto due = never; ///< it is to be open from then on
        nanoseconds since{-1};
        for (const auto& fact : facts) {
            if (fact.at >= closes_at_) return;
            const auto changed = last_change_before(fact.at);
            if (changed > since) {
                since = changed;
                in_a_row = 0;
                due = never;
            }
            if (fact.kind == 2) {
                if (due < fact.at) {
                    report("was asked at " + text_of({0, fact.at}) + " after " + std::to_string(in_a_row) +
                           " failures in a row, and should have been left out");
                    return;
                }
                continue;
            }
            if (fact.kind == 1) {
                in_a_row = 0;
                answered = fact.at;
                due = never;
            } else if (fact.request->begin > since) {
                ++in_a_row;
                const bool silent = !answered || fact.at - *answered >= life_.tier_timeouts[tier_];
                if (in_a_row >= life_.breaker_failures && silent && due == never) due = fact.at;
            }
        }
    }

    /// When the breaker last changed its state at or before this time; an equal time counts, since it may be either.
    nanoseconds last_change_before(nanoseconds when) const {
        nanoseconds last{-1};
        for (const auto* told : told_) {
            if (told->at.at <= when) last = told->at.at;
        }
        return last;
    }

    CaseFile& file_;
    const Life& life_;
    const std::size_t tier_, number_;
    std::vector<const Told*> told_;
    std::vector<Request> requests_;
    nanoseconds closes_at_{};
};

} // namespace

void judge_breakers(CaseFile& file) {
    for (std::size_t i = 0; i < file.history.lives.size(); ++i) {
        for (std::size_t t = 0; t < file.history.lives[i].servers.size(); ++t)
            Watch(file, i, t).judge();
    }
}

} // namespace tiercel::simulation
