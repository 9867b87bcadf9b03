#pragma once

#include <tiercel/call_options.hpp>
#include <tiercel/codec.hpp>
#include <tiercel/detail/async_call.hpp>
#include <tiercel/detail/cache_types.hpp>
#include <tiercel/detail/engine.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/hash.hpp>
#include <tiercel/loader.hpp>
#include <tiercel/options.hpp>
#include <tiercel/priming.hpp>
#include <tiercel/result.hpp>
#include <tiercel/stats.hpp>
#include <tiercel/write_report.hpp>
#include <tiercel/writer.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tiercel {

/// A cache of one kind of thing: a typed memory tier over any number of backends over a source of truth.
///
/// Reads go down the chain until something answers, and fill what lies above. A loading read that nobody answers runs
/// the loader once, however many callers want the key. Writes go to the source first, then the tiers, then memory.
/// Every call has its blocking form and its asynchronous one (async_*): the same path, which either blocks the calling
/// thread or resumes a coroutine or completion token (include <tiercel/async.hpp> for these).
///
/// Thread safety: all members may be called concurrently, apart from move and destruction.
/// Lifetime: destruction closes. Handles outlive the cache. The loader, writer, weigher and listener are kept until
/// close() and what was then under way have ended.
/// Errors: a miss is an empty Handle; a failure is a Result's error. A failing tier is a miss at that tier, counted,
/// unless the call is strict. Blocking calls on the event loop's thread are Errc::would_block.
template <class K, class V>
class Cache {
public:
    using Options = CacheOptions<K, V>;
    using Value = Handle<V>;

    /// Errors: invalid_option, with the name of the field.
    static Result<Cache> create(Options options) {
        auto engine = detail::Engine::create(Types::engine_options(std::move(options)));
        if (!engine) return engine.error();
        return Cache(*std::move(engine));
    }

    Cache(Cache&&) noexcept = default;
    Cache& operator=(Cache&& other) noexcept {
        if (this != &other) {
            if (engine_) (void)engine_->close();
            engine_ = std::move(other.engine_);
        }
        return *this;
    }
    ~Cache() {
        if (engine_) (void)engine_->close();
    }

    // Reading --------------------------------------------------------------------------------------------------------

    /// Looks in memory, then in the tiers. Empty when nobody has it, or when the tiers could not be asked.
    Value get(const K& key, const CallOptions& options = {}) const {
        if (auto hit = hit_of(key, options)) return of_memory(std::move(hit));
        auto found = miss(key, options, false, {});
        return found ? *std::move(found) : Value();
    }

    /// The same; says why it could not look (closed, timeout, a strict call's failing tier).
    Result<Value> try_get(const K& key, const CallOptions& options = {}) const {
        if (auto hit = hit_of(key, options)) return of_memory(std::move(hit));
        return miss(key, options, false, {});
    }

    /// Looks, then loads with the cache's loader.
    /// Answers as soon as the value is in memory: the tiers are filled behind it, and close() waits for that.
    /// Errors: the loader's; timeout; overloaded; no_loader; closed. The same one goes to all who waited for that load.
    Result<Value> get_or_load(const K& key, const CallOptions& options = {}) const {
        return get_or_load(key, Loader<K, V>(), options);
    }

    /// The same with a loader of this call's own. Who joins a load under way gets that load's result. What the loader
    /// refers to must last until the load ends: not when this call gives up, but within TimeoutOptions::source.
    Result<Value> get_or_load(const K& key, const Loader<K, V>& loader, const CallOptions& options = {}) const {
        if (auto hit = hit_of(key, options)) {
            refresh_if_due(hit, loader, options);
            return of_memory(std::move(hit));
        }
        return miss(key, options, true, loader);
    }

    /// One batch to each tier. One Handle for each key, in order; duplicates are fine.
    std::vector<Value> get_many(std::span<const K> keys, const CallOptions& options = {}) const {
        std::vector<std::size_t> missed;
        auto values = hits_of(keys, options, missed, nullptr);
        auto answers = read_missed(keys, missed, options, false, {});
        for (std::size_t i = 0; i < missed.size(); ++i)
            if (answers[i]) values[missed[i]] = Types::handle_of(*std::move(answers[i]));
        return values;
    }

    /// One batch to each tier, one to the loader. One result for each key, in order; duplicates are fine.
    std::vector<Result<Value>> get_or_load_many(std::span<const K> keys, const CallOptions& options = {}) const {
        return get_or_load_many(keys, Loader<K, V>(), options);
    }

    std::vector<Result<Value>> get_or_load_many(std::span<const K> keys, const Loader<K, V>& loader,
                                                const CallOptions& options = {}) const {
        std::vector<std::size_t> missed;
        std::vector<detail::EntryPtr> hits;
        auto values = hits_of(keys, options, missed, engine_->refreshes() ? &hits : nullptr);
        if (!hits.empty()) engine_->refresh_if_due(hits, loader.base(), options);
        std::vector<Result<Value>> results(std::make_move_iterator(values.begin()),
                                           std::make_move_iterator(values.end()));
        auto answers = read_missed(keys, missed, options, true, loader);
        for (std::size_t i = 0; i < missed.size(); ++i)
            results[missed[i]] = result_of(std::move(answers[i]));
        return results;
    }

    // Writing --------------------------------------------------------------------------------------------------------

    /// Writes through: the source (if there is a writer), then the tiers, then memory.
    /// With WriteBehindOptions the source comes later; the report says where the value is (WriteReport::source).
    /// Errors: when the source did not take it, or did not say so in time; the key is then dropped from all tiers,
    /// since nobody knows what the source holds. Strict calls: also when a tier did not take it.
    Result<WriteReport> put(const K& key, V value, const CallOptions& options = {}) const {
        detail::EntryPtr entry = Types::entry_of(key, std::move(value));
        if (auto done = engine_->write_here(entry, options)) return *std::move(done);
        std::vector<detail::EntryPtr> entries;
        entries.push_back(std::move(entry));
        return report_of(write_and_wait(std::move(entries), options));
    }

    std::vector<Result<WriteReport>> put_many(std::vector<std::pair<K, V>> items,
                                              const CallOptions& options = {}) const {
        return write_and_wait(Types::entries_of(std::move(items)), options);
    }

    /// Drops the key everywhere but at the source. After it has returned, no get in this process gives a value whose
    /// load began before it: not even if a tier could not be reached.
    Result<WriteReport> invalidate(const K& key, const CallOptions& options = {}) const {
        if (auto done = engine_->erase_here({hash_of(key), &key}, options)) return *std::move(done);
        return report_of(erase_and_wait(Types::probes_of(key), options));
    }

    std::vector<Result<WriteReport>> invalidate_many(std::span<const K> keys, const CallOptions& options = {}) const {
        return erase_and_wait(Types::probes_of(keys), options);
    }

    /// Drops every key of this cache, in O(1) at the tiers: a marker there makes everything older a miss; the bytes go
    /// as their TTL ends. Other processes heed the marker within a second.
    Result<WriteReport> clear(const CallOptions& options = {}) const {
        return engine_->wait<Result<WriteReport>>(options.timeout,
                                                  [&](auto done) { engine_->clear(options, std::move(done)); });
    }

    // Priming --------------------------------------------------------------------------------------------------------

    /// Reads through every key of a range, before traffic arrives. What is fresh in memory or a tier is not loaded.
    template <std::ranges::input_range Range>
    requires std::convertible_to<std::ranges::range_reference_t<Range>, K> Result<PrimeReport>
    prime(Range&& keys, PrimeOptions options = {})
    const {
        auto source = Types::key_source(keys);
        return prime_and_wait(std::move(source.first), source.second, std::move(options));
    }

    Result<PrimeReport> prime(std::initializer_list<K> keys, PrimeOptions options = {}) const {
        return prime(std::span<const K>(keys.begin(), keys.size()), std::move(options));
    }

    /// The same from a generator: a function that gives the next key, or an empty optional at the end.
    template <class Generator>
    requires std::same_as<std::invoke_result_t<Generator&>, std::optional<K>> Result<PrimeReport>
    prime(Generator next, PrimeOptions options = {})
    const { return prime_and_wait(Types::key_source_from(std::move(next)), std::nullopt, std::move(options)); }

    /// The same with the keys that a tier holds; those need a backend that can list them (Capabilities::scans).
    Result<PrimeReport> prime_from(std::string_view tier, PrimeOptions options = {}) const {
        return engine_->wait<Result<PrimeReport>>(
            options.timeout, [&](auto done) { engine_->prime_from_tier(tier, std::move(options), std::move(done)); });
    }

    // Asynchronous forms: `co_await cache.async_get(key)`, or any Asio completion token as the last argument. Their
    // results are those of the blocking forms, as one value; they may be cancelled (Errc::cancelled) and then harm
    // nobody.

    template <class Token = detail::Awaiting>
    auto async_get(K key, CallOptions options = {}, Token&& token = {}) const {
        return async_read<Result<Value>>(Types::probes_of(std::move(key)), options, false, {}, first_of_many,
                                         std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_get_or_load(K key, CallOptions options = {}, Token&& token = {}) const {
        return async_get_or_load(std::move(key), Loader<K, V>(), options, std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_get_or_load(K key, Loader<K, V> loader, CallOptions options = {}, Token&& token = {}) const {
        return async_read<Result<Value>>(Types::probes_of(std::move(key)), options, true, loader, first_of_many,
                                         std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_get_many(std::vector<K> keys, CallOptions options = {}, Token&& token = {}) const {
        return async_read<std::vector<Result<Value>>>(Types::probes_of(std::span<const K>(keys)), options, false, {},
                                                      Types::handles_of, std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_get_or_load_many(std::vector<K> keys, CallOptions options = {}, Token&& token = {}) const {
        return async_get_or_load_many(std::move(keys), Loader<K, V>(), options, std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_get_or_load_many(std::vector<K> keys, Loader<K, V> loader, CallOptions options = {},
                                Token&& token = {}) const {
        return async_read<std::vector<Result<Value>>>(Types::probes_of(std::span<const K>(keys)), options, true, loader,
                                                      Types::handles_of, std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_put(K key, V value, CallOptions options = {}, Token&& token = {}) const {
        return async<Result<WriteReport>>(
            [engine = engine_, entries = Types::entries_of(std::move(key), std::move(value)),
             options](auto done) mutable {
                return engine->write(
                    std::move(entries), options, detail::Caller::free,
                    [done = std::move(done)](detail::Reports reports) { done(std::move(reports.front())); });
            },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_put_many(std::vector<std::pair<K, V>> items, CallOptions options = {}, Token&& token = {}) const {
        return async<std::vector<Result<WriteReport>>>(
            [engine = engine_, entries = Types::entries_of(std::move(items)), options](auto done) mutable {
                return engine->write(std::move(entries), options, detail::Caller::free, std::move(done));
            },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_invalidate(K key, CallOptions options = {}, Token&& token = {}) const {
        return async<Result<WriteReport>>(
            [engine = engine_, probes = Types::probes_of(std::move(key)), options](auto done) mutable {
                return engine->erase(std::move(probes), options, [done = std::move(done)](detail::Reports reports) {
                    done(std::move(reports.front()));
                });
            },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_invalidate_many(std::vector<K> keys, CallOptions options = {}, Token&& token = {}) const {
        return async<std::vector<Result<WriteReport>>>(
            [engine = engine_, probes = Types::probes_of(std::span<const K>(keys)), options](auto done) mutable {
                return engine->erase(std::move(probes), options, std::move(done));
            },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_clear(CallOptions options = {}, Token&& token = {}) const {
        return async<Result<WriteReport>>(
            [engine = engine_, options](auto done) { return engine->clear(options, std::move(done)); },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_prime(std::vector<K> keys, PrimeOptions options = {}, Token&& token = {}) const {
        return async<Result<PrimeReport>>(
            [engine = engine_, keys = std::move(keys), options = std::move(options)](auto done) mutable {
                const auto total = keys.size();
                return engine->prime(Types::key_source_of(std::move(keys)), total, std::move(options), std::move(done));
            },
            std::forward<Token>(token));
    }

    template <class Token = detail::Awaiting>
    auto async_close(Token&& token = {}) const {
        return async<Result<void>>(
            [engine = engine_](auto done) {
                engine->async_close(std::move(done));
                return detail::Cancel();
            },
            std::forward<Token>(token));
    }

    // Changing ------------------------------------------------------------------------------------------------------

    /// Gives memory other bounds; what is over them leaves before this returns (RemovalCause::size). The shards stay:
    /// bounds below their number count as that.
    /// Errors: invalid_option, with the name of the field; closed.
    Result<void> set_memory_bounds(const MemoryBounds& bounds) const { return engine_->set_memory_bounds(bounds); }

    /// Gives memory another eviction policy, which takes the entries over in the order in which the old one would have
    /// let them go. O(entries), a shard at a time; writers of that shard wait, readers do not.
    /// Errors: closed.
    Result<void> set_eviction(Eviction eviction) const { return engine_->set_eviction(eviction); }

    // Knowing, ending ------------------------------------------------------------------------------------------------

    /// Cost: some microseconds; takes each shard's lock once.
    CacheStats stats() const { return engine_->stats(); }

    /// Ends the cache: calls under way get Errc::closed, except writes, which are drained, pending ones of
    /// WriteBehindOptions included; memory is emptied; later
    /// calls are Errc::closed. Returns within TimeoutOptions::close; afterwards nothing of the cache runs but a loader
    /// or writer that did not return in time, whose result is dropped. Backends stay open: others may use them.
    /// Errors: timeout, when something was abandoned; stats().left_behind says how much.
    Result<void> close() const { return engine_->close(); }

private:
    using Types = detail::CacheTypes<K, V>;

    explicit Cache(std::shared_ptr<detail::Engine> engine) : engine_(std::move(engine)) {}

    detail::EntryPtr hit_of(const K& key, const CallOptions& options) const {
        return options.skip.has_memory() ? nullptr : engine_->find({hash_of(key), &key});
    }
    void refresh_if_due(const detail::EntryPtr& hit, const Loader<K, V>& loader, const CallOptions& options) const {
        if (engine_->refreshes()) engine_->refresh_if_due({&hit, 1}, loader.base(), options);
    }
    static Value of_memory(detail::EntryPtr entry) { return Value(std::move(entry), {Source::Kind::memory, 0}); }

    Result<Value> miss(const K& key, const CallOptions& options, bool load, const Loader<K, V>& loader) const {
        if (!load) {
            if (auto nothing = engine_->look_no_further(options)) return result_of(*std::move(nothing));
        }
        return first(read_and_wait(Types::probes_of(key), options, load, loader, true));
    }

    /// What memory has, in the places of the keys, and in `hits` if that is wanted; `missed` are the places of the
    /// others.
    std::vector<Value> hits_of(std::span<const K> keys, const CallOptions& options, std::vector<std::size_t>& missed,
                               std::vector<detail::EntryPtr>* hits) const {
        constexpr std::size_t together = 16;
        std::vector<Value> values(keys.size());
        std::array<detail::KeyRef, together> refs;
        std::array<detail::EntryPtr, together> found;
        for (std::size_t begin = 0; begin < keys.size(); begin += together) {
            const auto count = std::min(together, keys.size() - begin);
            if (!options.skip.has_memory()) {
                for (std::size_t i = 0; i < count; ++i)
                    refs[i] = {hash_of(keys[begin + i]), &keys[begin + i]};
                engine_->find_many(std::span(refs).first(count), found.data());
            }
            for (std::size_t i = 0; i < count; ++i) {
                if (found[i]) {
                    if (hits != nullptr) hits->push_back(found[i]);
                    values[begin + i] = of_memory(std::move(found[i]));
                } else {
                    missed.push_back(begin + i);
                }
            }
        }
        return values;
    }

    detail::Answers read_missed(std::span<const K> keys, const std::vector<std::size_t>& missed,
                                const CallOptions& options, bool load, const Loader<K, V>& loader) const {
        if (missed.empty()) return {};
        if (!load) {
            if (auto nothing = engine_->look_no_further(options)) return {missed.size(), *std::move(nothing)};
        }
        std::vector<detail::EntryPtr> probes;
        probes.reserve(missed.size());
        for (const auto at : missed)
            probes.emplace_back(Types::blank(keys[at]));
        return read_and_wait(std::move(probes), options, load, loader, true);
    }

    detail::Answers read_and_wait(std::vector<detail::EntryPtr> probes, const CallOptions& options, bool load,
                                  const Loader<K, V>& loader, bool memory_asked) const {
        const auto count = probes.size();
        auto answers = engine_->wait<detail::Answers>(options.timeout, [&](auto done) {
            engine_->read({std::move(probes), options, load, loader.base(), memory_asked, true}, std::move(done));
        });
        if (answers) return *std::move(answers);
        return detail::Answers(count, answers.error());
    }

    detail::Reports write_and_wait(std::vector<detail::EntryPtr> entries, const CallOptions& options) const {
        const auto count = entries.size();
        auto reports = engine_->wait<detail::Reports>(options.timeout, [&](auto done) {
            engine_->write(std::move(entries), options, detail::Caller::blocked, std::move(done));
        });
        if (reports) return *std::move(reports);
        return detail::Reports(count, reports.error());
    }

    detail::Reports erase_and_wait(std::vector<detail::EntryPtr> probes, const CallOptions& options) const {
        const auto count = probes.size();
        auto reports = engine_->wait<detail::Reports>(
            options.timeout, [&](auto done) { engine_->erase(std::move(probes), options, std::move(done)); });
        if (reports) return *std::move(reports);
        return detail::Reports(count, reports.error());
    }

    Result<PrimeReport> prime_and_wait(detail::KeySource keys, std::optional<std::uint64_t> total,
                                       PrimeOptions options) const {
        // The caller's range goes when this returns, which may be before the priming has ended.
        const auto gate = std::make_shared<detail::KeyGate>(std::move(keys));
        const detail::KeyGate::Closing closing(*gate);
        keys = [gate] { return gate->next(); };
        return engine_->wait<Result<PrimeReport>>(options.timeout, [&](auto done) {
            engine_->prime(std::move(keys), total, std::move(options), std::move(done));
        });
    }

    static Result<Value> result_of(Result<detail::Answer> answer) {
        if (!answer) return std::move(answer).error();
        return Types::handle_of(*std::move(answer));
    }
    static Result<Value> first(detail::Answers answers) { return result_of(std::move(answers.front())); }
    static constexpr auto first_of_many = [](detail::Answers answers) { return first(std::move(answers)); };

    static Result<WriteReport> report_of(detail::Reports reports) { return std::move(reports.front()); }

    template <class T, class Start, class Token>
    auto async(Start start, Token&& token) const {
        static_assert(detail::AsyncIncluded<std::remove_cvref_t<Token>, T>,
                      "include <tiercel/async.hpp> to use the async_ functions");
        return detail::AsyncCall<std::remove_cvref_t<Token>, T>::start(std::optional<T>(), std::move(start),
                                                                       std::forward<Token>(token));
    }

    template <class T, class Convert, class Token>
    auto async_read(std::vector<detail::EntryPtr> probes, CallOptions options, bool load, Loader<K, V> loader,
                    Convert convert, Token&& token) const {
        static_assert(detail::AsyncIncluded<std::remove_cvref_t<Token>, T>,
                      "include <tiercel/async.hpp> to use the async_ functions");
        std::optional<T> ready;
        constexpr bool single = std::same_as<T, Result<Value>>;
        if constexpr (single) {
            if (!options.skip.has_memory()) {
                if (auto entry = engine_->find(probes.front()->ref())) {
                    if (load) refresh_if_due(entry, loader, options);
                    ready.emplace(of_memory(std::move(entry)));
                }
            }
        }
        return detail::AsyncCall<std::remove_cvref_t<Token>, T>::start(
            std::move(ready),
            [engine = engine_, probes = std::move(probes), options, load, loader = std::move(loader),
             convert](auto done) mutable {
                return engine->read(
                    {std::move(probes), options, load, loader.base(), single, false},
                    [done = std::move(done), convert](detail::Answers answers) { done(convert(std::move(answers))); });
            },
            std::forward<Token>(token));
    }

    std::shared_ptr<detail::Engine> engine_;
};

} // namespace tiercel
