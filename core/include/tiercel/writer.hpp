#pragma once

#include <tiercel/detail/source_batch.hpp>
#include <tiercel/loader.hpp>
#include <tiercel/result.hpp>

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tiercel {

/// One key and value on their way to the source of truth.
template <class K, class V>
struct Write {
    const K& key;
    const V& value;
};

namespace detail {

/// Settles slot `index` with a writer's answer.
struct WriteSlot {
    SourceBatch& batch;
    std::size_t index;

    void take(const Result<void>& result) const {
        if (result) {
            batch.done(index, {});
        } else {
            batch.failed(index, result.error());
        }
    }
};

/// Says what is wrong before the compiler says it in its own words.
template <class R>
consteval void check_write_answer() {
    static_assert(std::is_void_v<R> || std::is_convertible_v<R, Result<void>>,
                  "a writer gives Result<void> or void; a void one throws to say that it failed");
}

template <class K, class V>
Write<K, V> write_of(const SourceBatch& calls, std::size_t i) {
    const auto& entry = static_cast<const TypedEntry<K, V>&>(calls.entry(i));
    return {entry.typed_key(), *entry.value()};
}

inline void take_all_writes(SourceBatch& batch, const std::vector<Result<void>>& answers) {
    if (answers.size() != batch.size()) {
        batch.fail_rest(Error(Errc::writer_failed, "the batch writer gave " + std::to_string(answers.size()) +
                                                       " results for " + std::to_string(batch.size()) +
                                                       " writes; give one for each, in their order"));
        return;
    }
    for (std::size_t i = 0; i < answers.size(); ++i)
        WriteSlot{batch, i}.take(answers[i]);
}

/// Runs a writer whose calls return R. The primary serves plain functions; <tiercel/async.hpp> adds awaitables.
template <class K, class V, class R>
struct WriterKind {
    static constexpr SourceStyle single = SourceStyle::blocking_single;
    static constexpr SourceStyle batch = SourceStyle::blocking_batch;

    template <class F>
    static void run_one(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls, std::size_t i) {
        check_write_answer<R>();
        const auto write = write_of<K, V>(*calls, i);
        if constexpr (std::is_void_v<R>) {
            (*function)(write.key, write.value);
            calls->done(i, {});
        } else {
            WriteSlot{*calls, i}.take((*function)(write.key, write.value));
        }
    }

    template <class F>
    static void run_all(const std::shared_ptr<F>& function, const std::shared_ptr<SourceBatch>& calls) {
        std::vector<Write<K, V>> writes;
        writes.reserve(calls->size());
        for (std::size_t i = 0; i < calls->size(); ++i)
            writes.push_back(write_of<K, V>(*calls, i));
        take_all_writes(*calls, (*function)(std::span<const Write<K, V>>(writes)));
    }
};

template <class K, class V, class F>
std::shared_ptr<SourceFunction> make_single_writer(F function) {
    using Kind = WriterKind<K, V, std::invoke_result_t<F&, const K&, const V&>>;
    return std::make_shared<SingleSource<Kind, F>>(std::move(function));
}

template <class K, class V, class F>
std::shared_ptr<SourceFunction> make_batch_writer(F function) {
    using Kind = WriterKind<K, V, std::invoke_result_t<F&, std::span<const Write<K, V>>>>;
    return std::make_shared<BatchSource<Kind, F>>(std::move(function));
}

} // namespace detail

/// The user's way to write the source of truth. Made from a function of one write, or of a batch:
///
///     Result<void> or void (const K&, const V&)
///     std::vector<Result<void>> (std::span<const Write<K, V>>)     one result for each write, in order
///
/// A function that may block runs on the runtime's worker threads; with <tiercel/async.hpp> it may be a coroutine that
/// gives the same. What it throws becomes Errc::writer_failed, and the write has failed.
/// With WriteBehindOptions it must be idempotent: it may get a value again.
/// Thread safety: called concurrently for different keys; writes of one key follow one another.
template <class K, class V>
class Writer {
public:
    /// None: a put writes the caches only.
    Writer() = default;

    template <class F>
    requires(std::invocable<F&, const K&, const V&>) Writer(F function)
        : writer_(detail::make_single_writer<K, V, F>(std::move(function))) {}

    template <class F>
    requires(!std::same_as<F, Writer> && std::invocable<F&, std::span<const Write<K, V>>>) Writer(F function)
        : writer_(detail::make_batch_writer<K, V, F>(std::move(function))) {}

    explicit operator bool() const noexcept { return writer_ != nullptr; }
    const std::shared_ptr<detail::SourceFunction>& base() const noexcept { return writer_; }

private:
    std::shared_ptr<detail::SourceFunction> writer_;
};

} // namespace tiercel
