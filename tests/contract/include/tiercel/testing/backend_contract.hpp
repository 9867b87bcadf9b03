#pragma once

#include <tiercel/spi/backend.hpp>
#include <tiercel/testing/manual_clock.hpp>

#include <functional>
#include <memory>
#include <string>

/// The suite that every backend passes, ours and yours. In a test program that links tiercel::testing and gtest_main:
///
///     class MyFixture final : public tiercel::testing::BackendFixture {
///     public:
///         std::shared_ptr<tiercel::spi::Backend> backend() override { return std::move(backend_); }
///         void make_unreachable() { server_.stop_replying(); }          // optional
///     private:
///         MyServer server_;
///         std::shared_ptr<tiercel::spi::Backend> backend_ = my_backend(server_.port());
///     };
///     const auto registered = tiercel::testing::register_backend_contract<MyFixture>("MyBackend");
///
/// Each scenario becomes the test "MyBackend.<scenario>", with a fixture of its own.
namespace tiercel::testing {

/// A backend ready for use, and all it needs. What the scenarios store carries a random prefix, so a shared server
/// does.
class BackendFixture {
public:
    BackendFixture() = default;
    BackendFixture(const BackendFixture&) = delete;
    BackendFixture& operator=(const BackendFixture&) = delete;
    virtual ~BackendFixture() = default;

    /// Hands the backend over: the fixture keeps no reference of its own.
    virtual std::shared_ptr<spi::Backend> backend() = 0;

    /// The clock that the backend measures time to live and deadlines with, if it is not the real one.
    virtual std::shared_ptr<ManualClock> clock() { return nullptr; }
};

/// Who calls the backend in the scenarios: a coroutine on an event loop of its own, or a thread that blocks and lends
/// itself (spi::sync_wait).
enum class Callers { coroutines, blocked_threads };

namespace contract {

struct Registration {
    std::string suite;
    Callers callers;
    std::function<std::unique_ptr<BackendFixture>()> make;
    std::function<void(BackendFixture&)> make_unreachable; // may be empty
};

int register_scenarios(const Registration& registration);

} // namespace contract

/// Registers the scenarios under the name `suite`; call it before main(), as the initialiser of a static variable.
/// A Fixture with `void make_unreachable()`, which makes the server behind the backend hang or go away, gets the
/// scenarios about that too.
template <class Fixture>
int register_backend_contract(std::string suite, Callers callers = Callers::coroutines) {
    contract::Registration registration{std::move(suite), callers, [] { return std::make_unique<Fixture>(); }, {}};
    if constexpr (requires(Fixture & fixture) { fixture.make_unreachable(); })
        registration.make_unreachable = [](BackendFixture& fixture) {
            static_cast<Fixture&>(fixture).make_unreachable();
        };
    return contract::register_scenarios(registration);
}

} // namespace tiercel::testing
