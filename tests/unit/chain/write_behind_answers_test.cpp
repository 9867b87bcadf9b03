// Write-behind: what the writer's answers mean, those that come late, and what a caller is told of a put that waits.
#include "scripted.hpp"

#include <gtest/gtest.h>

namespace tiercel::testing::chain {
namespace {

using Put = Result<WriteReport>;

/// The virtual runtime, but for timers that fire late.
class LateRuntime final : public spi::Runtime {
public:
    explicit LateRuntime(std::shared_ptr<VirtualRuntime> runtime) : runtime_(std::move(runtime)) {}
    std::chrono::nanoseconds next_is_late_by{}; ///< the next timer that is set

    SteadyTime now() const noexcept override { return runtime_->now(); }
    SystemTime wall_now() const noexcept override { return runtime_->wall_now(); }
    boost::asio::any_io_executor executor() override { return runtime_->executor(); }
    std::uint64_t random() noexcept override { return runtime_->random(); }
    TimerId call_at(SteadyTime when, std::function<void()> job) override {
        return runtime_->call_at(when + std::exchange(next_is_late_by, 0ns), std::move(job));
    }
    bool cancel(TimerId timer) noexcept override { return runtime_->cancel(timer); }
    Result<void> run_blocking(std::function<void()> job) override { return runtime_->run_blocking(std::move(job)); }
    bool wait(const spi::WaitFlag& flag, SteadyTime deadline) override { return runtime_->wait(flag, deadline); }
    bool on_event_loop() const noexcept override { return runtime_->on_event_loop(); }

private:
    const std::shared_ptr<VirtualRuntime> runtime_;
};

struct Answers : Harness {
    C::Options behind() {
        auto made = memory_only();
        made.writer = source.writer();
        made.write_behind.acknowledge = Acknowledge::memory;
        made.write_behind.delay = 0s;
        return made;
    }
    /// Each call's write passes its own gates: `lands` before the row changes, `answers` after that.
    struct Gates {
        Gate lands, answers;
    };
    std::vector<std::unique_ptr<Gates>> gates;
    std::size_t calls = 0;
    Writer<std::string, std::string> gated_writer() {
        return [this](const std::string& key, const std::string& value) -> asio::awaitable<Result<void>> {
            const std::string row = key;
            const std::string text = value;
            auto* gate = calls < gates.size() ? gates[calls].get() : nullptr;
            ++calls;
            if (gate) co_await gate->lands.pass();
            source.rows[row] = text;
            if (gate) co_await gate->answers.pass();
            co_return Result<void>();
        };
    }
};

TEST(WriteBehindAnswers, close_drops_nothing_however_often_the_writer_refuses_meanwhile) {
    Answers h;
    auto options = h.behind();
    options.write_behind.max_attempts = 3;
    const auto cache = Harness::make(std::move(options));
    h.source.failure = Error(Errc::writer_failed, "down");
    ASSERT_TRUE(cache.put("k", "v"));
    EXPECT_FALSE(cache.close());
    EXPECT_GT(h.source.writes, 3);
    EXPECT_EQ(cache.stats().write_behind->dropped, 0u);
    EXPECT_EQ(cache.stats().write_behind->lost, 1u);
}

TEST(WriteBehindAnswers, a_value_that_is_always_refused_takes_none_of_its_batch_with_it) {
    Answers h;
    auto options = h.behind();
    options.writer = [&](std::span<const Write<std::string, std::string>> writes) {
        for (const auto& write : writes) {
            if (write.value == "poison") return std::vector<Result<void>>(); // the whole batch fails
        }
        for (const auto& write : writes)
            h.source.rows[write.key] = write.value;
        return std::vector<Result<void>>(writes.size(), Result<void>());
    };
    options.write_behind.max_batch = 8;
    options.write_behind.delay = 100ms;
    options.write_behind.max_attempts = 1;
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("bad", "poison"));
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(cache.put(std::to_string(i), "v"));
    h.runtime->advance(1min);
    EXPECT_EQ(h.source.rows.size(), 7u);
    EXPECT_EQ(cache.stats().write_behind->dropped, 1u);
    EXPECT_EQ(cache.stats().write_behind->pending, 0u);
}

TEST(WriteBehindAnswers, failures_that_tell_of_an_outage_are_no_attempts) {
    for (const auto code : {Errc::timeout, Errc::overloaded, Errc::closed, Errc::connection_failed}) {
        Answers h;
        auto options = h.behind();
        options.write_behind.max_attempts = 1;
        const auto cache = Harness::make(std::move(options));
        h.source.failure = Error(code, "away");
        ASSERT_TRUE(cache.put("k", "v"));
        h.runtime->advance(1min);
        EXPECT_EQ(cache.stats().write_behind->dropped, 0u) << to_string(code);
        h.source.failure.reset();
        h.runtime->advance(1min);
        EXPECT_EQ(h.source.rows["k"], "v");
    }
}

TEST(WriteBehindAnswers, a_writer_that_hangs_makes_no_attempts) {
    Answers h;
    auto options = h.behind();
    options.write_behind.max_attempts = 1;
    options.timeouts.source = 1s;
    const auto cache = Harness::make(std::move(options));
    h.source.gate.shut();
    ASSERT_TRUE(cache.put("k", "v"));
    h.runtime->advance(10s);
    EXPECT_EQ(cache.stats().write_behind->dropped, 0u);
    h.source.gate.open();
    h.runtime->advance(10s);
    EXPECT_EQ(h.source.rows["k"], "v");
}

TEST(WriteBehindAnswers, a_value_that_lands_late_over_a_newer_one_is_not_hidden_by_the_caches) {
    Answers h;
    auto options = h.behind();
    options.writer = h.gated_writer();
    options.timeouts.source = 1s;
    h.gates.push_back(std::make_unique<Answers::Gates>());
    h.gates[0]->lands.shut();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "1"));
    h.idle();
    ASSERT_TRUE(cache.put("k", "2"));
    h.runtime->advance(2s);
    ASSERT_EQ(h.source.rows["k"], "2");
    h.gates[0]->lands.open();
    h.idle();
    ASSERT_EQ(h.source.rows["k"], "1");
    EXPECT_EQ(text(cache.get_or_load("k")), "1") << "what the source has";
}

TEST(WriteBehindAnswers, a_value_that_lands_late_while_a_newer_one_is_written_makes_that_written_again) {
    Answers h;
    auto options = h.behind();
    options.writer = h.gated_writer();
    options.timeouts.source = 1s;
    for (int i = 0; i < 2; ++i)
        h.gates.push_back(std::make_unique<Answers::Gates>());
    h.gates[0]->lands.shut();
    h.gates[1]->answers.shut();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("k", "1"));
    h.idle();
    ASSERT_TRUE(cache.put("k", "2"));
    h.runtime->advance(1200ms);
    ASSERT_EQ(h.source.rows["k"], "2") << "which has not been answered";
    h.gates[0]->lands.open();
    h.idle();
    ASSERT_EQ(h.source.rows["k"], "1");
    h.gates[1]->answers.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows["k"], "2");
    EXPECT_EQ(cache.stats().write_behind->pending, 0u);
    EXPECT_EQ(text(cache.get("k")), "2");
}

TEST(WriteBehindAnswers, a_put_whose_caller_was_told_that_nothing_was_done_is_not_let_in_later) {
    Answers h;
    const auto late = std::make_shared<LateRuntime>(h.runtime);
    auto options = h.behind();
    options.runtime = late;
    options.write_behind.max_writes = 1;
    h.source.gate.shut();
    const auto cache = Harness::make(std::move(options));
    ASSERT_TRUE(cache.put("a", "1"));
    h.idle();
    late->next_is_late_by = 10s; // by which the put gives up waiting
    Caught<Put> b, c;
    cache.async_put("b", "1", within(2s), h.into(b));
    h.idle();
    cache.async_put("c", "1", within(1min), h.into(c));
    h.runtime->advance(3s);
    ASSERT_EQ(b.calls, 1);
    ASSERT_EQ(b.value->error(), Errc::overloaded);
    h.source.gate.open();
    h.runtime->advance(1s);
    EXPECT_EQ(h.source.rows.count("b"), 0u);
    EXPECT_EQ(text(cache.get("b")), "(nothing)");
    EXPECT_EQ(c.calls, 1);
    EXPECT_EQ(h.source.rows["c"], "1") << "the room was its";
}

} // namespace
} // namespace tiercel::testing::chain
