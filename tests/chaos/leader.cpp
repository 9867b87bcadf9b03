#include "leader.hpp"

#include "board.hpp"
#include "fault_deck.hpp"
#include "stage.hpp"

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "support/wait_until.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tiercel::chaos {

namespace {

using namespace std::chrono_literals;
using tiercel::test::ChildProcess;

/// How long clients may take to have a value from the tier again, and to end.
constexpr auto patience = 20s;

class Leader {
public:
    explicit Leader(const Run& run)
        : run_(run), board_(make_board(directory_.path() / "board", run)), stage_(run.server), deck_(run) {
        board_.server_port = stage_.server_port();
        board_.proxy_port = stage_.proxy_port();
        for (std::uint32_t cache = 0; cache < cache_count; ++cache) {
            for (std::uint32_t key = 0; key < run.keys; ++key) {
                auto& truth = board_.truth[cache][key];
                truth.commit(truth.claim(), 1, steady_now());
            }
        }
        outcome_.run = run;
    }

    Outcome lead() {
        processes_.resize(run_.processes);
        for (std::uint32_t place = 0; place < run_.processes; ++place)
            start(place);
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            if (!tiercel::test::wait_until([&] { return has_started(place); }))
                throw std::runtime_error("client " + std::to_string(place) + " does not start: " + log_of(place));
        }
        began_ = last_look_ = last_line_ = steady_now();
        while (!over()) {
            const auto fault = deck_.next();
            spend(fault.after);
            if (!over()) undergo(fault);
        }
        outcome_.lasted = std::chrono::nanoseconds(steady_now() - began_);
        finish();
        add_up();
        return std::move(outcome_);
    }

private:
    void undergo(const Fault& fault) {
        auto& row = outcome_.faults[static_cast<std::size_t>(fault.kind)];
        ++row.times;
        board_.fault_over = 0;
        if (fault.kind == FaultKind::client_killed) {
            processes_[fault.client].reset();
            for (auto& thread : board_.clients[fault.client].threads)
                thread.deadline = 0;
            spend(fault.lasts);
            start(fault.client);
        } else {
            stage_.begin(fault);
            spend(fault.lasts);
            stage_.end(fault);
        }
        const auto ended = steady_now();
        board_.fault_over = fault.number;
        const auto is_back = [&](std::uint32_t place) { return board_.clients[place].recovered_from == fault.number; };
        const auto all_are_back = [&] {
            for (std::uint32_t place = 0; place < run_.processes; ++place) {
                if (is_hit(fault, place) && !is_back(place)) return false;
            }
            return true;
        };
        while (!all_are_back() && steady_now() - ended < std::chrono::nanoseconds(patience).count())
            look_after_them();
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            if (!is_hit(fault, place)) continue;
            if (is_back(place)) {
                row.recoveries.emplace_back(std::max<Nanos>(0, board_.clients[place].recovered_at - ended));
            } else {
                ++row.never;
            }
        }
    }

    static bool is_hit(const Fault& fault, std::uint32_t place) {
        if (fault.kind == FaultKind::client_killed) return place == fault.client;
        return !is_of_the_way(fault.kind) || place % 2 == 1; // those in odd places come through the proxy
    }

    /// The clients go on meanwhile.
    void spend(std::chrono::nanoseconds duration) {
        const auto until = steady_now() + duration.count();
        do
            look_after_them();
        while (steady_now() < until && !over());
    }

    bool over() const {
        if (run_.operations != 0) return operations_ >= run_.operations;
        return static_cast<double>(steady_now() - began_) >= run_.seconds * 1e9;
    }

    void look_after_them() {
        ::poll(nullptr, 0, 5);
        const auto now = steady_now();
        outcome_.longest_wait = std::max(outcome_.longest_wait, now - last_look_ - 5'000'000);
        last_look_ = now;
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            watch(place, now);
            if (!processes_[place] || processes_[place]->alive() || has_ended(place)) continue;
            ++outcome_.crashed;
            start(place);
        }
        operations_ = 0;
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            for (std::size_t cache = 0; cache < cache_count; ++cache)
                operations_ += counts_of(board_.clients[place], cache)[Count::operations];
        }
        if (now - last_line_ > std::chrono::nanoseconds(5s).count()) tell(now);
    }

    /// A call that has not returned long after its deadline is counted once.
    void watch(std::uint32_t place, Nanos now) {
        const auto late = std::chrono::nanoseconds(5 * std::chrono::milliseconds(run_.margin_ms)).count();
        for (std::uint32_t thread = 0; thread < run_.threads; ++thread) {
            const Nanos deadline = board_.clients[place].threads[thread].deadline;
            if (deadline == 0 || now - deadline < late) continue;
            if (stuck_.insert({place, thread, deadline}).second) ++outcome_.stuck;
        }
    }

    void tell(Nanos now) {
        last_line_ = now;
        add_up();
        std::printf("%6.1f s  %11llu operations  %4llu faults  wrong %llu  stale %llu  stuck %llu\n",
                    static_cast<double>(now - began_) / 1e9, static_cast<unsigned long long>(operations_),
                    static_cast<unsigned long long>(outcome_.faults_in_all()),
                    static_cast<unsigned long long>(outcome_.wrong_values()),
                    static_cast<unsigned long long>(outcome_.stale_reads()),
                    static_cast<unsigned long long>(outcome_.stuck));
        std::fflush(stdout);
    }

    void start(std::uint32_t place) {
        auto& client = board_.clients[place];
        client.life = client.life + 1;
        const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
        processes_[place] = std::make_unique<ChildProcess>(
            std::vector<std::string>{self, "--board", (directory_.path() / "board").string(), "--place",
                                     std::to_string(place)},
            log(place));
    }

    bool has_started(std::uint32_t place) const {
        const auto& client = board_.clients[place];
        return client.started == client.life;
    }
    bool has_ended(std::uint32_t place) const {
        const auto& client = board_.clients[place];
        return client.ended == client.life;
    }

    void finish() {
        board_.stop = true;
        const auto end = steady_now() + std::chrono::nanoseconds(patience).count();
        const auto all_have_ended = [&] {
            for (std::uint32_t place = 0; place < run_.processes; ++place) {
                if (!has_ended(place) || processes_[place]->alive()) return false;
            }
            return true;
        };
        while (!all_have_ended() && steady_now() < end)
            look_after_them();
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            if (has_ended(place) && !processes_[place]->alive()) continue;
            ++outcome_.endless;
            processes_[place]->kill9();
        }
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            const auto said = log_of(place);
            if (!said.empty()) std::printf("client %u said:\n%s", place, said.c_str());
        }
        outcome_.corrupted_bits = stage_.corrupted_bits();
    }

    void add_up() {
        const auto settings = settings_of(run_);
        for (std::size_t i = 0; i < cache_count; ++i) {
            auto& row = outcome_.caches[i] = {};
            row.features = settings[i].features();
            for (std::uint32_t place = 0; place < run_.processes; ++place) {
                const auto& client = board_.clients[place];
                row.counts += counts_of(client, i);
                const auto& totals = client.totals[i];
                row.loads += totals.loads;
                row.loads_failed += totals.loads_failed;
                row.tier_errors += totals.tier_errors;
                row.defects += totals.defects;
                row.breaker_opened += totals.breaker_opened;
                row.skipped += totals.skipped;
                row.fenced += totals.fenced;
                row.leases_lost += totals.leases_lost;
                row.repaired += totals.repaired;
                row.left_behind += totals.left_behind;
            }
        }
        for (std::uint32_t place = 0; place < run_.processes; ++place) {
            for (const auto& thread : board_.clients[place].threads) {
                outcome_.oldest_behind = std::max<Nanos>(outcome_.oldest_behind, thread.oldest_behind);
                outcome_.oldest_beyond = std::max<Nanos>(outcome_.oldest_beyond, thread.oldest_beyond);
            }
        }
    }

    std::filesystem::path log(std::uint32_t place) const {
        return directory_.path() / ("client-" + std::to_string(place));
    }
    std::string log_of(std::uint32_t place) const {
        std::ifstream in(log(place));
        return {std::istreambuf_iterator<char>(in), {}};
    }

    const Run run_;
    tiercel::test::TempDir directory_;
    Board& board_;
    Stage stage_;
    FaultDeck deck_;
    std::vector<std::unique_ptr<ChildProcess>> processes_; // null: killed, and not yet begun anew
    std::set<std::tuple<std::uint32_t, std::uint32_t, Nanos>> stuck_;
    Nanos began_ = 0, last_look_ = 0, last_line_ = 0;
    std::uint64_t operations_ = 0;
    Outcome outcome_;
};

} // namespace

Outcome lead(const Run& run) {
    return Leader(run).lead();
}

} // namespace tiercel::chaos
