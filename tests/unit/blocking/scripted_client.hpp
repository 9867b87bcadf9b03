#pragma once

#include <tiercel/spi/blocking_backend.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tiercel::test {

/// Holds threads back until it is opened; counts those that have come.
class Gate {
public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait_for_arrivals(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return arrived_ >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int arrived_ = 0;
    bool open_ = false;
};

/// A blocking client over a map. The first letter of a key says what else happens: "s..." waits at `gate`, "t..."
/// throws, "w..." gives too few results. Keys that end in a digit live in the lane of that digit.
class ScriptedClient final : public spi::BlockingClient {
public:
    Gate gate;
    std::atomic<int> calls{0};

    std::string_view name() const noexcept override { return "scripted"; }
    spi::Capabilities capabilities() const noexcept override { return {.max_key_bytes = 7}; }
    std::size_t lane(BytesView key) const noexcept override {
        const char last = key.empty() ? 'x' : key.back();
        return last >= '0' && last <= '9' ? static_cast<std::size_t>(last - '0') : 0;
    }

    std::vector<spi::Lookup> get_many(std::span<const BytesView> keys, SteadyTime) override {
        act(keys.front());
        std::vector<spi::Lookup> found;
        const std::lock_guard lock(mutex_);
        for (const auto key : keys) {
            const auto at = values_.find(key);
            if (at == values_.end()) {
                found.emplace_back(std::optional<spi::Found>());
            } else {
                found.emplace_back(std::optional(spi::Found{.value = at->second, .remaining_ttl = {}}));
            }
        }
        if (keys.front().starts_with('w')) found.pop_back();
        return found;
    }
    std::vector<Result<void>> put_many(std::span<const spi::PutItem> items, SteadyTime) override {
        act(items.front().key);
        const std::lock_guard lock(mutex_);
        for (const auto& item : items)
            values_.insert_or_assign(Bytes(item.key), Bytes(item.value));
        return std::vector<Result<void>>(items.size());
    }
    std::vector<Result<bool>> erase_many(std::span<const BytesView> keys, SteadyTime) override {
        act(keys.front());
        std::vector<Result<bool>> erased;
        const std::lock_guard lock(mutex_);
        for (const auto key : keys)
            erased.emplace_back(values_.erase(Bytes(key)) == 1);
        return erased;
    }
    std::vector<Result<bool>> touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl,
                                         SteadyTime) override {
        act(keys.front());
        return std::vector<Result<bool>>(keys.size(), ttl.count() == 5);
    }
    Result<void> ping(SteadyTime) override {
        act("ping");
        return {};
    }

    std::map<Bytes, Bytes, std::less<>> values() {
        const std::lock_guard lock(mutex_);
        return values_;
    }

private:
    void act(BytesView key) {
        ++calls;
        if (key.starts_with('s')) gate.pass();
        if (key.starts_with('t')) throw std::runtime_error("scripted failure");
    }

    std::mutex mutex_;
    std::map<Bytes, Bytes, std::less<>> values_;
};

} // namespace tiercel::test
