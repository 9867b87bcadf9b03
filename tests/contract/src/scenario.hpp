#pragma once

#include <tiercel/spi/sync_wait.hpp>
#include <tiercel/testing/backend_contract.hpp>
#include <tiercel/testing/run.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiercel::testing::contract {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// One scenario's backend, with single-key forms of the calls. Thread safety: as the backend's; close and drop apart.
class Subject {
public:
    explicit Subject(const Registration& registration);

    spi::Backend& backend() { return *backend_; }
    spi::Capabilities can() const { return backend_->capabilities(); }
    /// Lets the last reference go.
    void drop() { backend_.reset(); }
    void make_unreachable() { make_unreachable_(*fixture_); }

    /// A deadline `from_now`: by default too far away to be met.
    spi::CallContext call(milliseconds from_now = 20s) const;

    /// Runs `work` to its end, as the caller that the contract is registered for.
    template <class T>
    T run(boost::asio::awaitable<T> work) const {
        if (callers_ == Callers::coroutines) return testing::run(std::move(work));
        return spi::sync_wait(*spi::default_runtime(), std::move(work));
    }

    /// `name` made into a key of this scenario alone, that every backend can carry.
    std::string key(std::string_view name) const { return prefix_ + std::string(name); }
    std::vector<std::string> keys(std::size_t count, std::string_view name = "key") const;

    spi::Lookup get(BytesView key);
    /// The value, or "(nothing)", or the error's name in brackets.
    std::string text(BytesView key);
    /// The version of a key that must be there.
    spi::Version version(BytesView key);
    Result<void> put(BytesView key, BytesView value, std::optional<milliseconds> ttl = std::nullopt);
    Result<bool> erase(BytesView key);
    Result<bool> touch(BytesView key, milliseconds ttl);
    Result<spi::Conditional> put_if_absent(BytesView key, BytesView value,
                                           std::optional<milliseconds> ttl = std::nullopt);
    Result<spi::Conditional> put_if_version(BytesView key, BytesView value, spi::Version expected,
                                            std::optional<milliseconds> ttl = std::nullopt);

    std::vector<spi::Lookup> get_many(const std::vector<std::string>& keys);
    std::vector<Result<bool>> erase_many(const std::vector<std::string>& keys);

    /// Lets time pass until the key is not there; false if it still is after 20 seconds.
    bool expires(BytesView key);

private:
    const Callers callers_;
    std::unique_ptr<BackendFixture> fixture_;
    std::shared_ptr<spi::Backend> backend_;
    std::shared_ptr<ManualClock> clock_;
    std::function<void(BackendFixture&)> make_unreachable_;
    std::string prefix_;
};

inline constexpr std::string_view nothing = "(nothing)";

/// The longest time to live that is sure to be over soon; servers that count in seconds take two.
inline constexpr milliseconds brief = 1s;

std::string describe(const Result<void>& result);
std::string describe(const Result<bool>& result);
std::string describe(const Result<spi::Conditional>& result);
std::vector<BytesView> views(const std::vector<std::string>& strings);

struct Scenario {
    const char* name;
    void (*run)(Subject&);
};

std::span<const Scenario> reading_and_writing();
std::span<const Scenario> expiry();
std::span<const Scenario> conditional_writes();
std::span<const Scenario> limits();
std::span<const Scenario> concurrency();
std::span<const Scenario> endings();
std::span<const Scenario> unreachable_servers();

} // namespace tiercel::testing::contract

/// A scenario under its own name.
#define TIERCEL_SCENARIO(function)                                                                                     \
    ::tiercel::testing::contract::Scenario {                                                                           \
#function, function                                                                                            \
    }
