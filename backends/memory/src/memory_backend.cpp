#include <tiercel/memory_backend.hpp>

#include "byte_store.hpp"

#include <tiercel/spi/backend.hpp>

#include <mutex>
#include <utility>

namespace tiercel::memory_backend {
namespace {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Conditional;

constexpr std::size_t page_keys = 256;

class MonotonicClock final : public spi::Clock {
public:
    SteadyTime now() const noexcept override { return std::chrono::steady_clock::now(); }
    SystemTime wall_now() const noexcept override {
        return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
};

/// The longest key, and the longest value: both together fit alone.
std::size_t share(std::size_t max_bytes) {
    return (max_bytes - entry_overhead) / 2;
}

Error too_large(std::string_view what, Errc code, std::size_t size, std::size_t limit) {
    return {code, std::string(what) + " of " + std::to_string(size) + " bytes is over this memory backend's limit of " +
                      std::to_string(limit) + "; raise max_bytes"};
}

Error bad_ttl() {
    return {Errc::invalid_option, "the time to live of a stored value must be at least a millisecond"};
}

class MemoryBackend final : public spi::Backend {
public:
    explicit MemoryBackend(Options options)
        : clock_(std::move(options.clock)),
          limit_(share(options.max_bytes)),
          store_(options.max_bytes, options.max_entries) {}

    std::string_view name() const noexcept override { return "memory"; }

    spi::Capabilities capabilities() const noexcept override {
        return {.max_key_bytes = limit_,
                .binary_keys = true,
                .max_value_bytes = limit_,
                .conditional_writes = true,
                .reads_ttl = true,
                .scans = true,
                .invalidation_feed = false};
    }

    asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys, CallContext call) override {
        struct Seen {
            std::shared_ptr<const Bytes> value; // null: not there
            spi::Version version{};
            SteadyTime expires{};
        };
        std::vector<Seen> seen(keys.size());
        SteadyTime now{};
        const auto refused = locked(call, [&](SteadyTime at) {
            now = at;
            for (std::size_t i = 0; i < keys.size(); ++i)
                if (const auto* entry = store_.use(keys[i], at))
                    seen[i] = {entry->value, entry->version, entry->expires};
        });
        if (refused) co_return std::vector<spi::Lookup>(keys.size(), *refused);

        std::vector<spi::Lookup> results;
        results.reserve(keys.size());
        for (const auto& entry : seen) {
            if (!entry.value) {
                results.emplace_back(std::nullopt);
                continue;
            }
            spi::Found found{*entry.value, entry.version, std::nullopt};
            if (entry.expires != SteadyTime::max())
                found.remaining_ttl = std::chrono::floor<Milliseconds>(entry.expires - now);
            results.emplace_back(std::move(found));
        }
        co_return results;
    }

    asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                        CallContext call) override {
        std::vector<std::shared_ptr<const Bytes>> values;
        values.reserve(items.size());
        for (const auto& item : items)
            values.push_back(std::make_shared<const Bytes>(item.value));
        std::vector<Result<void>> results;
        results.reserve(items.size());
        const auto refused = locked(call, [&](SteadyTime now) {
            for (std::size_t i = 0; i < items.size(); ++i)
                results.push_back(put(items[i], std::move(values[i]), now));
        });
        if (refused) co_return std::vector<Result<void>>(items.size(), *refused);
        co_return results;
    }

    asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys, CallContext call) override {
        std::vector<Result<bool>> results;
        results.reserve(keys.size());
        const auto refused = locked(call, [&](SteadyTime now) {
            for (const auto key : keys)
                results.emplace_back(store_.erase(key, now));
        });
        if (refused) co_return std::vector<Result<bool>>(keys.size(), *refused);
        co_return results;
    }

    asio::awaitable<std::vector<Result<bool>>> touch_many(std::span<const BytesView> keys, Milliseconds ttl,
                                                          CallContext call) override {
        if (ttl < Milliseconds(1)) co_return std::vector<Result<bool>>(keys.size(), bad_ttl());
        std::vector<Result<bool>> results;
        results.reserve(keys.size());
        const auto refused = locked(call, [&](SteadyTime now) {
            for (const auto key : keys)
                results.emplace_back(store_.touch(key, ttl, now));
        });
        if (refused) co_return std::vector<Result<bool>>(keys.size(), *refused);
        co_return results;
    }

    asio::awaitable<Result<Conditional>> put_if_absent(spi::PutItem item, CallContext call) override {
        co_return put_if(item, call, [&](const ByteStore::Entry* entry) {
            return entry != nullptr ? Conditional::conflict : Conditional::stored;
        });
    }

    asio::awaitable<Result<Conditional>> put_if_version(spi::PutItem item, spi::Version expected,
                                                        CallContext call) override {
        co_return put_if(item, call, [&](const ByteStore::Entry* entry) {
            if (entry == nullptr) return Conditional::absent;
            return entry->version == expected ? Conditional::stored : Conditional::conflict;
        });
    }

    asio::awaitable<Result<void>> ping(CallContext call) override {
        if (const auto refused = locked(call, [](SteadyTime) {})) co_return *refused;
        co_return Result<void>();
    }

    asio::awaitable<Result<spi::ScanPage>> scan(BytesView prefix, std::string cursor, CallContext call) override {
        spi::ScanPage page;
        const auto refused = locked(call, [&](SteadyTime now) { page = store_.scan(prefix, cursor, page_keys, now); });
        if (refused) co_return *refused;
        co_return page;
    }

    void close() noexcept override {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        store_.clear();
    }

private:
    /// Runs `work` with the time, under the lock; or tells why not.
    template <class Work>
    std::optional<Error> locked(const CallContext& call, Work&& work) {
        const std::lock_guard lock(mutex_);
        if (closed_) return Error(Errc::closed, "the memory backend was closed");
        const SteadyTime now = clock_->now();
        if (now >= call.deadline) return Error(Errc::timeout, "the deadline had passed before the call began");
        work(now);
        return std::nullopt;
    }

    Result<void> put(const spi::PutItem& item, std::shared_ptr<const Bytes> value, SteadyTime now) {
        if (item.ttl && *item.ttl < Milliseconds(1)) return bad_ttl();
        if (item.key.size() > limit_) return too_large("a key", Errc::invalid_key, item.key.size(), limit_);
        if (value->size() > limit_) return too_large("a value", Errc::value_too_large, value->size(), limit_);
        store_.put(item.key, std::move(value), item.ttl, now);
        return {};
    }

    template <class Condition>
    Result<Conditional> put_if(const spi::PutItem& item, const CallContext& call, Condition&& condition) {
        auto value = std::make_shared<const Bytes>(item.value);
        Result<Conditional> result = Conditional::stored;
        const auto refused = locked(call, [&](SteadyTime now) {
            const Conditional outcome = condition(store_.use(item.key, now));
            result = outcome;
            if (outcome != Conditional::stored) return;
            if (const auto stored = put(item, std::move(value), now); !stored) result = stored.error();
        });
        if (refused) return *refused;
        return result;
    }

    const std::shared_ptr<const spi::Clock> clock_;
    const std::size_t limit_; // of a key, and of a value
    std::mutex mutex_;        // guards what follows
    ByteStore store_;
    bool closed_ = false;
};

} // namespace

Result<std::shared_ptr<spi::Backend>> create(Options options) {
    if (options.max_bytes < entry_overhead + 2)
        return Error(Errc::invalid_option, "max_bytes: " + std::to_string(options.max_bytes) +
                                               " holds no entry; each takes its key, its value and " +
                                               std::to_string(entry_overhead) + " bytes");
    if (!options.clock) options.clock = std::make_shared<MonotonicClock>();
    return std::shared_ptr<spi::Backend>(std::make_shared<MemoryBackend>(std::move(options)));
}

} // namespace tiercel::memory_backend
