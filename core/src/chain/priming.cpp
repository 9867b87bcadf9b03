#include "priming.hpp"

#include "planted_bug.hpp"
#include "read_path.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <map>

namespace tiercel::chain {

namespace asio = boost::asio;
using detail::EntryPtr;
using std::chrono::nanoseconds;

namespace {

constexpr std::size_t max_reasons = 20;
constexpr std::chrono::milliseconds longest_pause{100};

class Priming : public std::enable_shared_from_this<Priming> {
public:
    Priming(ChainPtr chain, detail::KeySource keys, std::optional<std::uint64_t> total, PrimeOptions options, bool load,
            std::function<void(Result<PrimeReport>)> done)
        : chain_(std::move(chain)),
          keys_(std::move(keys)),
          total_(total),
          options_(std::move(options)),
          load_(load),
          done_(std::move(done)),
          began_(chain_->runtime->now()),
          deadline_(chain_->after(options_.timeout)),
          next_batch_(began_) {}

    /// The scope's count for this priming is the caller's gift.
    void start() {
        timer_ = chain_->runtime->call_at(deadline_, [weak = weak_from_this()] {
            const auto self = planted(Bug::priming_has_no_deadline) ? nullptr : weak.lock();
            if (self) self->stop(PrimeReport::End::timed_out);
        });
        if (options_.stop.stop_possible()) {
            on_stop_.emplace(options_.stop, [weak = weak_from_this()] {
                if (const auto self = weak.lock()) self->stop(PrimeReport::End::cancelled);
            });
        }
        chain_->on_close.add(weak_from_this(), [this] { stop(PrimeReport::End::closed); });
        {
            const std::lock_guard lock(mutex_);
            pumping_ = false;
        }
        schedule();
    }

    /// Takes no more keys. At the deadline batches under way are given up too.
    void stop(PrimeReport::End why) {
        std::vector<detail::Cancel> given_up;
        {
            const std::lock_guard lock(mutex_);
            const bool unfinished = ended_ == PrimeReport::End::completed && running_ != 0;
            if (!ended_ || (unfinished && why != PrimeReport::End::cancelled)) ended_ = why;
            if (why == PrimeReport::End::timed_out) {
                for (auto& [id, cancel] : under_way_)
                    given_up.push_back(cancel);
            }
        }
        for (const auto& cancel : given_up) {
            if (cancel) cancel();
        }
        schedule();
    }

private:
    void schedule() {
        {
            const std::lock_guard lock(mutex_);
            if (finished_) return;
            if (pumping_) {
                again_ = true;
                return;
            }
            pumping_ = true;
        }
        const auto accepted = chain_->runtime->run_blocking([self = shared_from_this()] { self->pump(); });
        if (!accepted) {
            // No worker to be had: batches under way call again; with none, this is the end.
            bool last = false;
            {
                const std::lock_guard lock(mutex_);
                pumping_ = false;
                if (running_ == 0) {
                    if (!ended_) ended_ = PrimeReport::End::closed;
                    count_reason(accepted.error().message());
                    last = true;
                }
            }
            if (last) finish();
        }
    }

    void pump() {
        for (;;) {
            progress();
            while (may_start()) {
                auto batch = take_keys();
                if (batch.empty()) break;
                launch(std::move(batch));
            }
            const std::lock_guard lock(mutex_);
            if (again_) {
                again_ = false;
                continue;
            }
            pumping_ = false;
            if (!ended_ || running_ != 0) return;
            break;
        }
        finish();
    }

    bool may_start() {
        const auto now = chain_->runtime->now();
        const std::lock_guard lock(mutex_);
        if (!ended_ && !chain_->scope->open()) ended_ = PrimeReport::End::closed;
        if (ended_ || running_ >= options_.parallel) return false;
        if (now >= next_batch_) return true;
        if (!waiting_for_rate_) {
            waiting_for_rate_ = true;
            // With no batch under way the timer is all that holds this; it is short, so that close() is soon noticed.
            const auto look_again = std::min(next_batch_, now + longest_pause);
            rate_timer_ = chain_->runtime->call_at(look_again, [self = shared_from_this()] {
                {
                    const std::lock_guard again(self->mutex_);
                    self->waiting_for_rate_ = false;
                }
                self->schedule();
            });
        }
        return false;
    }

    std::vector<EntryPtr> take_keys() {
        std::vector<EntryPtr> batch;
        std::string thrown;
        bool end = false;
        try {
            while (!end && batch.size() < options_.batch) {
                if (auto entry = keys_()) {
                    batch.push_back(std::move(entry));
                } else {
                    end = true;
                }
            }
        } catch (const std::exception& error) {
            thrown = error.what();
            end = true;
        } catch (...) {
            thrown = "something that is no std::exception";
            end = true;
        }
        const std::lock_guard lock(mutex_);
        if (!thrown.empty()) count_reason("the list of keys threw: " + thrown);
        if (end && !ended_) ended_ = PrimeReport::End::completed;
        counts_.keys += batch.size();
        if (options_.rate_per_second > 0) {
            const auto pause = static_cast<double>(batch.size()) / options_.rate_per_second;
            next_batch_ = std::max(next_batch_, chain_->runtime->now()) +
                          std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(pause));
        }
        return batch;
    }

    void launch(std::vector<EntryPtr> batch) {
        std::uint64_t id = 0;
        {
            const std::lock_guard lock(mutex_);
            ++running_;
            id = ++last_batch_;
            under_way_[id] = nullptr;
        }
        CallOptions call;
        call.timeout = std::max<nanoseconds>(nanoseconds(1), deadline_ - chain_->runtime->now());
        call.require = Require::fresh;
        detail::ReadRequest request;
        request.probes = std::move(batch);
        request.options = call;
        request.load = load_;
        auto cancel = read(chain_, std::move(request), [self = shared_from_this(), id](const detail::Answers& answers) {
            self->settled(id, answers);
        });
        const std::lock_guard lock(mutex_);
        if (const auto place = under_way_.find(id); place != under_way_.end()) place->second = std::move(cancel);
    }

    void settled(std::uint64_t id, const detail::Answers& answers) {
        {
            const std::lock_guard lock(mutex_);
            for (const auto& answer : answers)
                count(answer);
            under_way_.erase(id);
            --running_;
        }
        schedule();
    }

    void count(const Result<detail::Answer>& answer) {
        if (!answer) {
            ++counts_.failed;
            count_reason(answer.error().message());
        } else if (!answer->entry) {
            ++counts_.failed;
            count_reason("not in any tier");
        } else if (!answer->entry->has_value()) {
            ++counts_.absent;
        } else if (answer->source.kind == Source::Kind::memory) {
            ++counts_.fresh;
        } else if (answer->source.kind == Source::Kind::tier) {
            ++counts_.from_tiers;
        } else {
            ++counts_.loaded;
        }
    }

    void count_reason(const std::string& reason) {
        if (reasons_.size() < max_reasons || reasons_.count(reason) != 0) {
            ++reasons_[reason];
        }
    }

    void progress() {
        if (!options_.on_progress || chain_->scope->over()) return;
        PrimeProgress progress;
        {
            const std::lock_guard lock(mutex_);
            if (counts_.settled() == reported_) return;
            reported_ = counts_.settled();
            progress.counts = counts_;
        }
        progress.total = total_;
        progress.elapsed = chain_->runtime->now() - began_;
        try {
            options_.on_progress(progress);
        } catch (...) {
            // The user's display is not worth the priming.
        }
    }

    void finish() {
        const auto self = shared_from_this(); // the rate timer may hold the last reference
        PrimeReport report;
        spi::Runtime::TimerId rate_timer = 0;
        {
            const std::lock_guard lock(mutex_);
            if (finished_) return;
            finished_ = true;
            rate_timer = rate_timer_;
            report.counts = counts_;
            report.end = *ended_;
            report.reasons.assign(reasons_.begin(), reasons_.end());
        }
        report.elapsed = chain_->runtime->now() - began_;
        std::sort(report.reasons.begin(), report.reasons.end(),
                  [](const auto& a, const auto& b) { return a.second > b.second; });
        chain_->runtime->cancel(timer_);
        chain_->runtime->cancel(rate_timer);
        on_stop_.reset();
        done_(std::move(report));
        chain_->scope->end();
    }

    const ChainPtr chain_;
    const detail::KeySource keys_; // called by the pump only
    const std::optional<std::uint64_t> total_;
    const PrimeOptions options_;
    const bool load_;
    const std::function<void(Result<PrimeReport>)> done_;
    const SteadyTime began_;
    const SteadyTime deadline_;
    spi::Runtime::TimerId timer_ = 0;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;

    std::mutex mutex_;
    SteadyTime next_batch_;
    spi::Runtime::TimerId rate_timer_ = 0; ///< the last; 0: never waited for the rate
    PrimeCounts counts_;
    std::map<std::string, std::uint64_t> reasons_;
    std::map<std::uint64_t, detail::Cancel> under_way_;
    std::uint64_t last_batch_ = 0;
    std::uint64_t reported_ = 0;
    std::size_t running_ = 0;
    std::optional<PrimeReport::End> ended_;
    bool pumping_ = true; ///< until start() is done with the members that finish() clears
    bool again_ = false;
    bool waiting_for_rate_ = false;
    bool finished_ = false;
};

std::optional<Error> check(const PrimeOptions& options) {
    if (options.parallel == 0) return Error(Errc::invalid_option, "PrimeOptions::parallel is 0; give at least 1");
    if (options.batch == 0) return Error(Errc::invalid_option, "PrimeOptions::batch is 0; give at least 1");
    if (!(options.rate_per_second >= 0)) {
        return Error(Errc::invalid_option, "PrimeOptions::rate_per_second must be 0 (no limit) or positive");
    }
    if (options.timeout <= nanoseconds::zero()) {
        return Error(Errc::invalid_option, "PrimeOptions::timeout must be positive");
    }
    return std::nullopt;
}

detail::Cancel begin(const ChainPtr& chain, detail::KeySource keys, std::optional<std::uint64_t> total,
                     PrimeOptions options, bool load, std::function<void(Result<PrimeReport>)> done) {
    if (const auto refused = check(options)) {
        done(*refused);
        return {};
    }
    if (load && !chain->options.loader) {
        done(Error(Errc::no_loader, "priming from a list of keys needs CacheOptions::loader"));
        return {};
    }
    if (!chain->scope->begin()) {
        done(Error(Errc::closed, "cache '" + chain->options.name + "' is closed"));
        return {};
    }
    auto priming = std::make_shared<Priming>(chain, std::move(keys), total, std::move(options), load, std::move(done));
    priming->start();
    return [weak = std::weak_ptr(priming)] {
        if (const auto self = weak.lock()) self->stop(PrimeReport::End::cancelled);
    };
}

/// The keys of one tier, a page at a time, on a thread that may block.
class TierKeys {
public:
    TierKeys(ChainPtr chain, std::shared_ptr<Tier> tier) : chain_(std::move(chain)), tier_(std::move(tier)) {}

    EntryPtr next() {
        while (at_ == page_.keys.size()) {
            if (begun_ && page_.cursor.empty()) return nullptr;
            begun_ = true;
            at_ = 0;
            auto page = fetch();
            if (!page) throw Exception(page.error());
            page_ = *std::move(page);
        }
        return std::move(page_.keys[at_++]);
    }

private:
    Result<Tier::Page> fetch() {
        struct Arrival {
            std::optional<Result<Tier::Page>> page;
            spi::WaitFlag flag;
        };
        const auto arrival = std::make_shared<Arrival>();
        asio::co_spawn(
            chain_->runtime->executor(),
            [](std::shared_ptr<Tier> tier, std::string cursor, std::shared_ptr<Arrival> into) -> asio::awaitable<void> {
                into->page.emplace(co_await tier->list(std::move(cursor)));
                into->flag.set();
            }(tier_, page_.cursor, arrival),
            asio::detached);
        if (!chain_->runtime->wait(arrival->flag, chain_->after(chain_->options.timeouts.source))) {
            return Error(Errc::timeout, "tier '" + tier_->name() + "' did not list its keys");
        }
        return *std::move(arrival->page);
    }

    const ChainPtr chain_;
    const std::shared_ptr<Tier> tier_;
    Tier::Page page_;
    std::size_t at_ = 0;
    bool begun_ = false;
};

} // namespace

detail::Cancel prime(const ChainPtr& chain, detail::KeySource keys, std::optional<std::uint64_t> total,
                     PrimeOptions options, std::function<void(Result<PrimeReport>)> done) {
    return begin(chain, std::move(keys), total, std::move(options), true, std::move(done));
}

detail::Cancel prime_from_tier(const ChainPtr& chain, std::string_view tier, PrimeOptions options,
                               std::function<void(Result<PrimeReport>)> done) {
    const auto place = std::find_if(chain->tiers.begin(), chain->tiers.end(),
                                    [&](const auto& candidate) { return candidate->name() == tier; });
    if (place == chain->tiers.end()) {
        done(
            Error(Errc::invalid_option, "cache '" + chain->options.name + "' has no tier '" + std::string(tier) + "'"));
        return {};
    }
    if (!(*place)->scans()) {
        done(Error(Errc::unsupported,
                   "tier '" + std::string(tier) + "' cannot list its keys; prime from a list of keys instead"));
        return {};
    }
    auto keys = std::make_shared<TierKeys>(chain, *place);
    return begin(
        chain, [keys] { return keys->next(); }, std::nullopt, std::move(options), false, std::move(done));
}

} // namespace tiercel::chain
