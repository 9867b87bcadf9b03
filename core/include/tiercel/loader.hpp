#pragma once

#include <tiercel/detail/source_batch.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/result.hpp>
#include <tiercel/spi/clock.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tiercel {

/// What a loader found, with what it wants to say about caching it.
template <class V>
struct Loaded {
    /// Empty: the source has no such thing. That is cached for ExpiryOptions::negative_ttl.
    std::optional<V> value = {};
    /// Life of this value; empty: the cache's own. Zero or less: as `cacheable = false`. Over 100 years: 100 years.
    std::optional<std::chrono::nanoseconds> ttl = {};
    /// False: give it to those who wait and keep it nowhere.
    bool cacheable = true;
    /// LoadContextOf::previous still is what the source has: it begins another life, `value` is not looked at.
    bool is_unchanged = false;

    /// For V that can be copied.
    static Loaded unchanged(std::optional<std::chrono::nanoseconds> life = {}) { return {{}, life, true, true}; }
};

/// What a loader may want to know; an optional second parameter of it.
struct LoadContext {
    /// Nobody waits for the result after this.
    SteadyTime deadline;
};

/// The same with the value that is to be replaced: a stale one, or one that is refreshed before its time. With what the
/// source knows a state of the value by (an ETag, a version) in V itself, see Validated, a loader can ask whether it is
/// still that, and answer Loaded<V>::unchanged().
template <class V>
class LoadContextOf : public LoadContext {
public:
    LoadContextOf(std::shared_ptr<detail::SourceBatch> batch, std::size_t first)
        : LoadContext{batch->deadline()}, batch_(std::move(batch)), first_(first) {}

    /// Empty if the cache has none: then there is nothing that could be unchanged. `index`: in a batch loader, of the
    /// key.
    Handle<V> previous(std::size_t index = 0) const {
        if (first_ + index >= batch_->size()) return {};
        return Handle<V>(batch_->previous(first_ + index), {Source::Kind::memory, 0});
    }

private:
    std::shared_ptr<detail::SourceBatch> batch_;
    std::size_t first_;
};

/// A value and what its source knows that state of it by: for loaders that ask "if it has changed since".
template <class T>
struct Validated {
    T value;
    std::string validator; ///< an ETag, a version, a time of last modification

    friend bool operator==(const Validated&, const Validated&) = default;
};

namespace detail {

/// Puts a loader's answer, in any of the forms it may have, into slot `index` of the batch.
template <class V>
struct LoadSlot {
    SourceBatch& batch;
    std::size_t index;

    void take(Loaded<V> loaded) const {
        if (loaded.is_unchanged) {
            take_previous(loaded);
            return;
        }
        if (loaded.value) static_cast<ValueEntry<V>&>(batch.entry(index)).emplace(*std::move(loaded.value));
        batch.done(index, {loaded.ttl, loaded.cacheable, false});
    }
    void take_previous(const Loaded<V>& loaded) const {
        const auto previous = batch.previous(index);
        if constexpr (!std::copy_constructible<V>) {
            batch.failed(index,
                         Error(Errc::loader_failed, "the loader said \"unchanged\" of a value that cannot be copied"));
        } else if (!previous || !previous->has_value()) {
            batch.failed(index,
                         Error(Errc::loader_failed, "the loader said \"unchanged\" without a previous value; ask "
                                                    "LoadContextOf::previous whether there is one"));
        } else {
            const auto& value = *static_cast<const ValueEntry<V>&>(*previous).value();
            static_cast<ValueEntry<V>&>(batch.entry(index)).emplace(value);
            batch.done(index, {loaded.ttl, loaded.cacheable, true});
        }
    }
    template <std::same_as<std::optional<V>> T>
    void take(T value) const {
        take(Loaded<V>{std::move(value), {}, true});
    }
    void take(std::nullopt_t) const { take(Loaded<V>{}); }
    void take(V value) const { take(Loaded<V>{std::move(value), {}, true}); }
    template <class T>
    void take(Result<T> result) const {
        if (result) {
            take(*std::move(result));
        } else {
            batch.failed(index, std::move(result).error());
        }
    }
};

/// What LoadSlot<V> takes.
template <class V, class R>
struct IsLoadAnswer : std::bool_constant<std::is_convertible_v<R, V> || std::same_as<R, std::optional<V>> ||
                                         std::same_as<R, std::nullopt_t> || std::same_as<R, Loaded<V>>> {};
template <class V, class T>
struct IsLoadAnswer<V, Result<T>> : IsLoadAnswer<V, T> {};

/// What take_all takes.
template <class V, class R>
struct IsBatchAnswer : std::false_type {};
template <class V, class T>
struct IsBatchAnswer<V, std::vector<T>> : IsLoadAnswer<V, T> {};
template <class V, class T>
struct IsBatchAnswer<V, Result<std::vector<T>>> : IsLoadAnswer<V, T> {};

/// Says what is wrong before the compiler says it in its own words.
template <class V, class R>
consteval void check_load_answer() {
    static_assert(IsLoadAnswer<V, std::remove_cvref_t<R>>::value,
                  "a loader gives V, std::optional<V>, Loaded<V>, or a Result of one of these");
}
template <class V, class R>
consteval void check_batch_answer() {
    static_assert(IsBatchAnswer<V, std::remove_cvref_t<R>>::value,
                  "a batch loader gives a std::vector of what a loader of one key may give, or a Result of that; its "
                  "parameter is a std::span<const K>");
}

template <class V, class T>
void take_all(SourceBatch& batch, std::vector<T> answers) {
    if (answers.size() != batch.size()) {
        batch.fail_rest(Error(Errc::loader_failed, "the batch loader gave " + std::to_string(answers.size()) +
                                                       " results for " + std::to_string(batch.size()) +
                                                       " keys; give one for each, in their order"));
        return;
    }
    for (std::size_t i = 0; i < answers.size(); ++i)
        LoadSlot<V>{batch, i}.take(std::move(answers[i]));
}

template <class V, class T>
void take_all(SourceBatch& batch, Result<std::vector<T>> answers) {
    if (answers) {
        take_all<V>(batch, *std::move(answers));
    } else {
        batch.fail_rest(answers.error());
    }
}

template <class F, class Keys, class V>
inline constexpr bool takes_context = std::is_invocable_v<F&, Keys, const LoadContextOf<V>&>;

template <class F, class Keys, class V>
concept Takes = std::invocable<F&, Keys> || takes_context<F, Keys, V>;

template <class F, class Keys, class V>
decltype(auto) call_loader(F& function, Keys keys, const LoadContextOf<V>& context) {
    if constexpr (takes_context<F, Keys, V>) {
        return function(keys, context);
    } else {
        return function(keys);
    }
}

template <class F, class Keys, class V>
using LoaderReturn = decltype(call_loader<F, Keys, V>(std::declval<F&>(), std::declval<Keys>(),
                                                      std::declval<const LoadContextOf<V>&>()));

template <class K, class V>
std::vector<K> keys_of(const SourceBatch& calls) {
    std::vector<K> keys;
    keys.reserve(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        keys.push_back(static_cast<const TypedEntry<K, V>&>(calls.entry(i)).typed_key());
    }
    return keys;
}

/// Runs a loader whose calls return R. The primary serves plain functions, which may block and run on worker threads;
/// <tiercel/async.hpp> adds boost::asio::awaitable.
template <class K, class V, class R>
struct LoaderKind {
    static constexpr SourceStyle single = SourceStyle::blocking_single;
    static constexpr SourceStyle batch = SourceStyle::blocking_batch;

    template <class F>
    static void run_one(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls, std::size_t i) {
        check_load_answer<V, R>();
        const auto& key = static_cast<const TypedEntry<K, V>&>(calls->entry(i)).typed_key();
        const LoadContextOf<V> context(calls, i);
        LoadSlot<V>{*calls, i}.take(call_loader<F, const K&, V>(*function, key, context));
    }

    template <class F>
    static void run_all(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls) {
        check_batch_answer<V, R>();
        const auto keys = keys_of<K, V>(*calls);
        const LoadContextOf<V> context(calls, 0);
        take_all<V>(*calls, call_loader<F, std::span<const K>, V>(*function, keys, context));
    }
};

template <class K, class V, class F>
std::shared_ptr<SourceFunction> make_single_loader(F function) {
    using Kind = LoaderKind<K, V, LoaderReturn<F, const K&, V>>;
    return std::make_shared<SingleSource<Kind, F>>(std::move(function));
}

template <class K, class V, class F>
std::shared_ptr<SourceFunction> make_batch_loader(F function) {
    using Kind = LoaderKind<K, V, LoaderReturn<F, std::span<const K>, V>>;
    return std::make_shared<BatchSource<Kind, F>>(std::move(function));
}

} // namespace detail

/// The user's way to read the source of truth. Made from a function of one key, or of a batch:
///
///     R (const K&)             R: V, std::optional<V>, Loaded<V>, or a Result of one of these
///     R (std::span<const K>)   R: std::vector of the above, one for each key in order, or a Result of that
///
/// each with an optional second parameter `const LoadContext&` or `const LoadContextOf<V>&`. A function that may block
/// runs on the runtime's worker threads (see LoadingOptions::run_on); with <tiercel/async.hpp> it may be a coroutine,
/// which runs on the event loop. An empty optional says "the source has no such thing". What it throws becomes
/// Errc::loader_failed. Thread safety: called concurrently for different keys, never twice at once for one key and
/// epoch.
template <class K, class V>
class Loader {
public:
    /// None.
    Loader() = default;

    template <class F>
    requires(!std::same_as<F, Loader> && detail::Takes<F, const K&, V>) Loader(F function)
        : loader_(detail::make_single_loader<K, V, F>(std::move(function))) {}

    template <class F>
    requires(!std::same_as<F, Loader> && !detail::Takes<F, const K&, V> && detail::Takes<F, std::span<const K>, V>)
        Loader(F function)
        : loader_(detail::make_batch_loader<K, V, F>(std::move(function))) {}

    explicit operator bool() const noexcept { return loader_ != nullptr; }
    const std::shared_ptr<detail::SourceFunction>& base() const noexcept { return loader_; }

private:
    std::shared_ptr<detail::SourceFunction> loader_;
};

} // namespace tiercel
