#include "scenario.hpp"

#include <boost/asio/detached.hpp>

#include <array>
#include <thread>

namespace tiercel::testing::contract {
namespace {

namespace asio = boost::asio;

/// The names of the errors of every kind of call, for a key and for a batch of three.
std::vector<std::string> every_call(Subject& subject, spi::CallContext call) {
    std::vector<std::string> outcomes;
    spi::Backend& backend = subject.backend();
    const auto keys = subject.keys(3);
    const auto all = views(keys);
    const std::vector<spi::PutItem> items = {{all[0], "v", {}}, {all[1], "v", 1h}, {all[2], "v", {}}};
    const auto found = subject.run(backend.get_many(all, call));
    EXPECT_EQ(found.size(), all.size());
    for (const auto& result : found)
        outcomes.push_back(result ? *result ? "a value" : "nothing" : std::string(to_string(result.error().code())));
    const auto note = [&](const auto& results) {
        EXPECT_EQ(results.size(), all.size());
        for (const auto& result : results)
            outcomes.push_back(result ? "success" : std::string(to_string(result.error().code())));
    };
    note(subject.run(backend.put_many(items, call)));
    note(subject.run(backend.touch_many(all, 1h, call)));
    note(subject.run(backend.erase_many(all, call)));
    const auto note_one = [&](const auto& result) {
        outcomes.push_back(result ? "success" : std::string(to_string(result.error().code())));
    };
    note_one(subject.run(backend.ping(call)));
    if (subject.can().conditional_writes) {
        note_one(subject.run(backend.put_if_absent(items[0], call)));
        note_one(subject.run(backend.put_if_version(items[0], spi::Version(1), call)));
    }
    if (subject.can().scans) note_one(subject.run(backend.scan(subject.key(""), "", call)));
    return outcomes;
}

void a_deadline_in_the_past_is_a_timeout_at_once(Subject& subject) {
    for (const auto& outcome : every_call(subject, subject.call(-1h)))
        EXPECT_EQ(outcome, "timeout");
    EXPECT_EQ(describe(subject.run(subject.backend().ping(subject.call()))), "done") << "the backend must work on";
    EXPECT_EQ(subject.text(subject.keys(1)[0]), nothing) << "nothing may have been sent";
}

void after_close_everything_is_closed(Subject& subject) {
    EXPECT_EQ(describe(subject.put(subject.key("k"), "v")), "done");
    subject.backend().close();
    for (const auto& outcome : every_call(subject, subject.call()))
        EXPECT_EQ(outcome, "closed");
    subject.backend().close();
    EXPECT_EQ(subject.text(subject.key("k")), "(closed)");
    EXPECT_FALSE(subject.backend().name().empty());
}

void close_before_first_use_is_fine(Subject& subject) {
    subject.backend().close();
    EXPECT_EQ(subject.text(subject.key("k")), "(closed)");
}

/// Calls that have begun but, where there is a server, are not over.
class InFlight {
public:
    explicit InFlight(Subject& subject) : keys_(subject.keys(20)), all_(views(keys_)) {
        for (const auto& key : keys_)
            items_.push_back({key, "v", {}});
        for (int i = 0; i < 50; ++i) {
            watch(subject.backend().get_many(all_, subject.call(2s)));
            watch(subject.backend().put_many(items_, subject.call(2s)));
            watch(subject.backend().ping(subject.call(2s)));
        }
        loop_->poll(); // each call runs up to its first wait
    }

    /// False if a call has not ended after 30 seconds; the process is then of no further use.
    bool all_end() {
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (ended_ < begun_)
            if (loop_->run_one_until(end) == 0) return false;
        return true;
    }

private:
    template <class T>
    void watch(asio::awaitable<T> call) {
        ++begun_;
        asio::co_spawn(*loop_, std::move(call), [this](std::exception_ptr thrown, const T&) {
            EXPECT_EQ(thrown, nullptr) << "a call threw";
            ++ended_;
        });
    }

    std::vector<std::string> keys_;
    std::vector<BytesView> all_;
    std::vector<spi::PutItem> items_;
    int begun_ = 0;
    int ended_ = 0;
    PooledLoop loop_;
    asio::executor_work_guard<asio::io_context::executor_type> keep_ = asio::make_work_guard(*loop_);
};

void close_ends_the_calls_in_flight(Subject& subject) {
    InFlight calls(subject);
    subject.backend().close();
    EXPECT_TRUE(calls.all_end());
    EXPECT_EQ(subject.text(subject.key("k")), "(closed)");
}

void the_last_reference_may_go_with_calls_in_flight(Subject& subject) {
    InFlight calls(subject);
    subject.drop();
    EXPECT_TRUE(calls.all_end());
}

void close_from_another_thread_under_load_ends_all(Subject& subject) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&subject, i] {
            const auto key = subject.key(std::to_string(i));
            const auto end = std::chrono::steady_clock::now() + 20s;
            while (subject.text(key) != "(closed)") {
                ASSERT_LT(std::chrono::steady_clock::now(), end) << "close() went unheard";
                const auto stored = subject.put(key, "v");
                EXPECT_TRUE(stored || stored.error() == Errc::closed) << stored.error().message();
            }
        });
    EXPECT_EQ(describe(subject.put(subject.key("first"), "v")), "done");
    subject.backend().close();
}

constexpr std::array scenarios = {
    TIERCEL_SCENARIO(a_deadline_in_the_past_is_a_timeout_at_once),
    TIERCEL_SCENARIO(after_close_everything_is_closed),
    TIERCEL_SCENARIO(close_before_first_use_is_fine),
    TIERCEL_SCENARIO(close_ends_the_calls_in_flight),
    TIERCEL_SCENARIO(the_last_reference_may_go_with_calls_in_flight),
    TIERCEL_SCENARIO(close_from_another_thread_under_load_ends_all),
};

void no_call_outlasts_its_deadline_or_takes_silence_for_nothing(Subject& subject) {
    EXPECT_EQ(describe(subject.put(subject.keys(1)[0], "v")), "done");
    subject.make_unreachable();
    for (const auto& outcome : every_call(subject, subject.call(200ms))) {
        EXPECT_NE(outcome, "nothing");
        EXPECT_NE(outcome, "a value");
        EXPECT_NE(outcome, "success");
    }
}

void close_does_not_wait_for_an_unreachable_server(Subject& subject) {
    subject.make_unreachable();
    InFlight calls(subject);
    subject.backend().close();
    EXPECT_TRUE(calls.all_end());
    EXPECT_EQ(subject.text(subject.key("k")), "(closed)");
}

void the_last_reference_may_go_while_the_server_is_unreachable(Subject& subject) {
    subject.make_unreachable();
    InFlight calls(subject);
    subject.drop();
    EXPECT_TRUE(calls.all_end());
}

constexpr std::array unreachable_scenarios = {
    TIERCEL_SCENARIO(no_call_outlasts_its_deadline_or_takes_silence_for_nothing),
    TIERCEL_SCENARIO(close_does_not_wait_for_an_unreachable_server),
    TIERCEL_SCENARIO(the_last_reference_may_go_while_the_server_is_unreachable),
};

} // namespace

std::span<const Scenario> endings() {
    return scenarios;
}

std::span<const Scenario> unreachable_servers() {
    return unreachable_scenarios;
}

} // namespace tiercel::testing::contract
