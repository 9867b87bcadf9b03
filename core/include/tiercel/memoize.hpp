#pragma once

#include <tiercel/cache.hpp>
#include <tiercel/hash.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tiercel {

struct MemoizeOptions {
    /// Results held. At least 1.
    std::size_t max_entries = 10'000;
    /// Life of a result; empty: until it is evicted. Must be positive.
    std::optional<std::chrono::nanoseconds> ttl = {};
    Eviction eviction = eviction::adaptive();
    /// For statistics.
    std::string name = "memoized";
};

namespace detail {

/// Parameters and result of a function, function object or lambda with one call operator.
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... Args>
struct Signature<R (*)(Args...)> {
    using Key = std::tuple<std::decay_t<Args>...>;
    using Value = std::decay_t<R>;
};
template <class R, class... Args>
struct Signature<R (*)(Args...) noexcept> : Signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct Signature<R (C::*)(Args...)> : Signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct Signature<R (C::*)(Args...) const> : Signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct Signature<R (C::*)(Args...) noexcept> : Signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct Signature<R (C::*)(Args...) const noexcept> : Signature<R (*)(Args...)> {};

} // namespace detail

/// A function that remembers its results, as Python's functools.lru_cache does.
///
/// Calls with equal arguments run the function once, even when they come at the same time; it runs on the thread of the
/// first of them. Exceptions are not remembered: they reach all who waited, as tiercel::Exception that quotes their
/// text where they came from another thread's call, and as themselves where the call is the caller's own. Thread
/// safety: all members may be called concurrently if the function may. Errors: operator() throws what the function
/// throws. Cost: the arguments are copied into a key for each call.
template <class F>
class Memoized {
public:
    using Key = typename detail::Signature<F>::Key;
    using Value = typename detail::Signature<F>::Value;

    /// Errors: throws Exception (invalid_option).
    Memoized(F function, MemoizeOptions options)
        : function_(std::make_shared<F>(std::move(function))), cache_(make_cache(std::move(options))) {}

    template <class... Args>
    requires std::constructible_from<Key, Args...> Value operator()(Args&&... args) const {
        return *handle(std::forward<Args>(args)...);
    }

    /// The same without copying the result.
    template <class... Args>
    requires std::constructible_from<Key, Args...> Handle<Value> handle(Args&&... args)
    const {
        const Key key(std::forward<Args>(args)...);
        std::exception_ptr thrown;
        const Loader<Key, Value> run = [&](const Key& arguments) -> Value {
            try {
                return std::apply(*function_, arguments);
            } catch (...) {
                thrown = std::current_exception();
                throw;
            }
        };
        auto result = cache_->get_or_load(key, run);
        if (thrown) std::rethrow_exception(thrown);
        return std::move(result).value();
    }

    CacheStats stats() const { return cache_->stats(); }

    /// Forgets every result.
    void clear() const { (void)cache_->clear(); }

private:
    using CacheType = Cache<Key, Value>;

    static std::shared_ptr<CacheType> make_cache(MemoizeOptions options) {
        typename CacheType::Options cache;
        cache.name = std::move(options.name);
        cache.memory.max_entries = options.max_entries;
        cache.memory.eviction = options.eviction;
        cache.expiry.ttl = options.ttl;
        cache.loading.run_on = RunOn::caller;
        // A function has no deadline, and neither has who waits for it.
        cache.timeouts.call = std::chrono::hours(24 * 365);
        cache.timeouts.source = std::chrono::hours(24 * 365);
        return std::make_shared<CacheType>(CacheType::create(std::move(cache)).value());
    }

    std::shared_ptr<F> function_;
    std::shared_ptr<CacheType> cache_;
};

/// Remembers the results of a function of one or several arguments:
///
///     auto area = tiercel::memoize([](double w, double h) { return slow(w, h); }, {.max_entries = 1'000});
///     area(3, 4);
///
/// The argument types need == and a hash (tiercel::Hash), and like the result they must be copyable.
template <class F>
Memoized<std::decay_t<F>> memoize(F&& function, MemoizeOptions options = {}) {
    return Memoized<std::decay_t<F>>(std::forward<F>(function), std::move(options));
}

} // namespace tiercel
