#include "transport/pipeline.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <vector>

namespace tiercel::transport {
namespace {

using namespace std::chrono_literals;

/// A call that counts how often it was settled.
class SeenCall : public Call {
public:
    using Call::Call;
    int times_done = 0;

    std::string outcome() const {
        if (times_done == 0) return "pending";
        std::string text;
        for (const auto& reply : replies)
            text += reply.text + " ";
        return error ? text + std::string(to_string(error->code())) : text + "done";
    }

private:
    void done() noexcept override { ++times_done; }
};

using SeenPtr = boost::intrusive_ptr<SeenCall>;

class PipelineTest : public ::testing::Test {
protected:
    static constexpr std::size_t plenty = 1 << 20;

    SeenPtr add(const std::string& request, std::chrono::milliseconds patience, std::size_t commands = 1) {
        SeenPtr call(new SeenCall(request, commands, now + patience));
        EXPECT_TRUE(admission.enter(call->bytes));
        pipeline.add(call, now);
        return call;
    }
    std::string take(std::size_t max_bytes = plenty) {
        Bytes out;
        pipeline.take(out, max_bytes, now);
        return out;
    }
    Result<void> reply(const std::string& text) {
        Reply one;
        one.kind = Reply::Kind::status;
        one.text = text;
        return pipeline.on_reply(std::move(one));
    }

    SteadyTime now{1h};
    Admission admission{100, 1000};
    Pipeline pipeline{"redis host:1", 2s, admission};
};

TEST_F(PipelineTest, writes_requests_together_in_the_order_they_came) {
    add("a", 1s);
    add("b", 1s);
    add("c", 1s);
    EXPECT_EQ(take(), "abc");
    EXPECT_EQ(take(), "");
}

TEST_F(PipelineTest, writes_at_most_so_much_at_once_but_one_request_in_any_case) {
    add("aaaaaaaa", 1s);
    add("bb", 1s);
    add("cc", 1s);
    EXPECT_EQ(take(4), "aaaaaaaa");
    EXPECT_EQ(take(3), "bb");
    EXPECT_EQ(take(3), "cc");
}

TEST_F(PipelineTest, a_large_request_is_not_copied_whatever_room_the_buffer_has) {
    Admission roomy{100, plenty};
    Pipeline writer{"redis host:1", 2s, roomy};
    Bytes request(100'000, 'r');
    const char* const place = request.data();
    const SeenPtr call(new SeenCall(std::move(request), 1, now + 1s));
    ASSERT_TRUE(roomy.enter(call->bytes));
    writer.add(call, now);
    Bytes out;
    out.reserve(plenty);
    writer.take(out, plenty, now);
    EXPECT_EQ(out.size(), 100'000U);
    EXPECT_EQ(out.data(), place);
}

TEST_F(PipelineTest, small_requests_are_copied_into_the_room_there_is) {
    Bytes out;
    out.reserve(plenty);
    const char* const place = out.data();
    add("a", 1s);
    pipeline.take(out, plenty, now);
    EXPECT_EQ(out, "a");
    EXPECT_EQ(out.data(), place);
}

TEST_F(PipelineTest, gives_each_call_its_own_replies) {
    const auto a = add("a", 1s, 2);
    const auto b = add("b", 1s);
    take();
    EXPECT_TRUE(reply("a1"));
    EXPECT_EQ(a->outcome(), "pending");
    EXPECT_TRUE(reply("a2"));
    EXPECT_EQ(a->outcome(), "a1 a2 done");
    EXPECT_EQ(b->outcome(), "pending");
    EXPECT_TRUE(reply("b1"));
    EXPECT_EQ(b->outcome(), "b1 done");
    EXPECT_EQ(admission.calls(), 0U);
    EXPECT_EQ(admission.bytes(), 0U);
}

TEST_F(PipelineTest, ends_a_call_at_its_deadline_and_swallows_its_late_reply) {
    const auto a = add("a", 50ms);
    const auto b = add("b", 1s);
    take();
    now += 50ms;
    pipeline.expire(now);
    EXPECT_EQ(a->outcome(), "timeout");
    EXPECT_EQ(b->outcome(), "pending");
    EXPECT_TRUE(reply("late a"));
    EXPECT_EQ(b->outcome(), "pending");
    EXPECT_TRUE(reply("b1"));
    EXPECT_EQ(a->outcome(), "timeout");
    EXPECT_EQ(b->outcome(), "b1 done");
    EXPECT_EQ(a->times_done, 1);
}

TEST_F(PipelineTest, a_cancelled_call_ends_at_once_whether_sent_or_not) {
    const auto sent = add("a", 1s);
    take();
    const auto waiting = add("b", 1s);
    pipeline.cancel(*sent);
    pipeline.cancel(*waiting);
    pipeline.cancel(*sent);
    EXPECT_EQ(sent->outcome(), "cancelled");
    EXPECT_EQ(waiting->outcome(), "cancelled");
    EXPECT_EQ(sent->times_done, 1);
    EXPECT_EQ(take(), "");
    const auto next = add("c", 1s);
    take();
    EXPECT_TRUE(reply("late"));
    EXPECT_TRUE(reply("mine"));
    EXPECT_EQ(next->outcome(), "mine done");
}

TEST_F(PipelineTest, tells_the_settled_when_asked_to_if_told_so) {
    std::vector<CallPtr> settled;
    pipeline.defer_telling(settled);
    const auto call = add("a", 1s);
    take();
    EXPECT_TRUE(reply("mine"));
    EXPECT_EQ(call->outcome(), "pending");
    ASSERT_EQ(settled.size(), 1U);
    Pipeline::tell(*settled.front());
    EXPECT_EQ(call->outcome(), "mine done");
}

TEST_F(PipelineTest, keeps_the_replies_that_came_in_time) {
    const auto a = add("a", 50ms, 3);
    const auto b = add("b", 1s);
    take();
    EXPECT_TRUE(reply("a1"));
    now += 50ms;
    pipeline.expire(now);
    EXPECT_EQ(a->outcome(), "a1 timeout");
    EXPECT_TRUE(reply("a2"));
    EXPECT_TRUE(reply("a3"));
    EXPECT_EQ(a->outcome(), "a1 timeout");
    EXPECT_TRUE(reply("b1"));
    EXPECT_EQ(b->outcome(), "b1 done");
}

TEST_F(PipelineTest, never_sends_what_has_expired) {
    const auto a = add("a", 50ms);
    const auto b = add("b", 1s);
    now += 50ms;
    EXPECT_EQ(take(), "b");
    EXPECT_EQ(a->outcome(), "timeout");
    EXPECT_TRUE(reply("b1"));
    EXPECT_EQ(b->outcome(), "b1 done");
}

TEST_F(PipelineTest, ends_a_call_that_comes_too_late_at_once) {
    EXPECT_EQ(add("a", 0ms)->outcome(), "timeout");
    EXPECT_EQ(take(), "");
    EXPECT_EQ(admission.calls(), 0U);
}

TEST_F(PipelineTest, a_waiting_call_that_expires_makes_room_at_once_one_in_flight_with_its_reply) {
    add("sent", 50ms);
    take();
    add("unsent", 50ms);
    EXPECT_EQ(admission.calls(), 2U);
    now += 50ms;
    pipeline.expire(now);
    EXPECT_EQ(admission.calls(), 1U);
    EXPECT_EQ(admission.bytes(), 4U);
    EXPECT_TRUE(reply("late"));
    EXPECT_EQ(admission.calls(), 0U);
}

TEST_F(PipelineTest, refuses_a_reply_that_nobody_asked_for) {
    EXPECT_EQ(reply("surprise").error().code(), Errc::protocol_error);
    const auto a = add("a", 1s);
    EXPECT_EQ(reply("before it was sent").error().code(), Errc::protocol_error);
    EXPECT_EQ(a->outcome(), "pending");
}

/// Where replies name their requests.
class TaggedPipelineTest : public PipelineTest {
protected:
    SeenPtr add(std::size_t commands, std::uint32_t first_tag) {
        SeenPtr call(new SeenCall("a", commands, now + 50ms, first_tag));
        EXPECT_TRUE(admission.enter(call->bytes));
        pipeline.add(call, now);
        return call;
    }
    Result<void> reply(std::uint32_t tag, Reply::Kind kind = Reply::Kind::status) {
        Reply one;
        one.kind = kind;
        one.tag = tag;
        one.text = std::to_string(tag);
        return pipeline.on_reply(std::move(one));
    }
};

TEST_F(TaggedPipelineTest, takes_replies_that_name_the_request_whose_turn_it_is) {
    const auto a = add(2, 7);
    const auto b = add(1, UINT32_MAX);
    take();
    EXPECT_TRUE(reply(7));
    EXPECT_TRUE(reply(8));
    EXPECT_TRUE(reply(UINT32_MAX));
    EXPECT_EQ(a->outcome(), "7 8 done");
    EXPECT_EQ(b->outcome(), "4294967295 done");
}

TEST_F(TaggedPipelineTest, refuses_a_reply_that_names_another_or_none) {
    for (const std::uint32_t tag : {0U, 6U, 8U}) {
        const auto a = add(2, 7);
        take();
        EXPECT_EQ(reply(tag).error().code(), Errc::protocol_error);
        EXPECT_EQ(a->outcome(), "pending");
        pipeline.fail_in_flight(Error(Errc::protocol_error, "gone"));
        EXPECT_EQ(a->outcome(), "protocol_error");
    }
}

TEST_F(TaggedPipelineTest, looks_at_late_replies_too) {
    add(1, 7);
    take();
    pipeline.expire(now + 50ms);
    EXPECT_EQ(reply(8).error().code(), Errc::protocol_error);
}

TEST_F(TaggedPipelineTest, takes_an_error_without_a_name_but_not_with_another) {
    const auto a = add(2, 7);
    take();
    EXPECT_TRUE(reply(0, Reply::Kind::error));
    EXPECT_FALSE(reply(7, Reply::Kind::error));
    EXPECT_TRUE(reply(8, Reply::Kind::error));
    EXPECT_EQ(a->outcome(), "0 8 done");
}

TEST_F(PipelineTest, is_silent_when_nothing_has_moved_since_the_request_went_out) {
    EXPECT_FALSE(pipeline.is_silent(now + 1h)); // nothing in flight
    add("a", 1h);
    EXPECT_FALSE(pipeline.is_silent(now + 1h)); // nor now
    now += 1min;
    take();
    EXPECT_FALSE(pipeline.is_silent(now + 2s - 1ns));
    EXPECT_TRUE(pipeline.is_silent(now + 2s));
    pipeline.on_progress(now + 1s);
    EXPECT_FALSE(pipeline.is_silent(now + 2s));
    EXPECT_TRUE(pipeline.is_silent(now + 3s));
}

TEST_F(PipelineTest, is_silent_even_when_all_callers_have_given_up) {
    add("a", 50ms);
    take();
    pipeline.expire(now + 50ms);
    EXPECT_TRUE(pipeline.is_silent(now + 2s));
    EXPECT_EQ(pipeline.next_event(), now + 2s);
}

TEST_F(PipelineTest, is_silent_when_all_that_comes_is_for_callers_who_have_given_up) {
    add("lost", 100ms);
    take();
    now += 100ms;
    pipeline.expire(now);
    for (int i = 0; i < 20; ++i) { // each call brings the reply that the one before it was waiting for
        EXPECT_EQ(pipeline.is_silent(now), i == 19) << i;
        const auto call = add("call", 100ms);
        take();
        pipeline.on_progress(now);
        EXPECT_TRUE(reply("of the one before"));
        now += 100ms;
        pipeline.expire(now);
        EXPECT_EQ(call->outcome(), "timeout");
    }
}

TEST_F(PipelineTest, is_not_silent_while_somebody_waits_for_a_long_reply_or_late_ones_are_followed_by_one_in_time) {
    add("a", 100ms);
    const auto patient = add("b", 1h);
    take();
    now += 1900ms;
    pipeline.expire(now);
    pipeline.on_progress(now);
    EXPECT_TRUE(reply("a"));
    EXPECT_FALSE(pipeline.is_silent(now + 1900ms)) << "b is waited for, and its reply is on its way";
    now += 1900ms;
    pipeline.on_progress(now);
    EXPECT_TRUE(reply("b"));
    EXPECT_EQ(patient->outcome(), "b done");
    add("c", 100ms);
    take();
    pipeline.expire(now + 100ms);
    EXPECT_FALSE(pipeline.is_silent(now + 1900ms));
    EXPECT_TRUE(pipeline.is_silent(now + 2s));
}

TEST_F(PipelineTest, names_its_next_event) {
    EXPECT_EQ(pipeline.next_event(), std::nullopt);
    add("a", 10s);
    EXPECT_EQ(pipeline.next_event(), now + 10s);
    add("b", 5s);
    EXPECT_EQ(pipeline.next_event(), now + 5s);
    take();
    EXPECT_EQ(pipeline.next_event(), now + 2s); // silence
    EXPECT_TRUE(reply("a1"));
    EXPECT_TRUE(reply("b1"));
    EXPECT_EQ(pipeline.next_event(), std::nullopt);
}

TEST_F(PipelineTest, a_loss_ends_what_is_in_flight_once_and_leaves_what_waits) {
    const auto expired = add("a", 50ms);
    const auto answered_in_part = add("b", 1s, 2);
    const auto sent = add("c", 1s);
    take();
    const auto waiting = add("d", 1s);
    pipeline.expire(now + 50ms);
    EXPECT_TRUE(reply("late a"));
    EXPECT_TRUE(reply("b1"));
    pipeline.fail_in_flight(Error(Errc::connection_lost, "gone"));
    EXPECT_EQ(expired->outcome(), "timeout");
    EXPECT_EQ(answered_in_part->outcome(), "b1 connection_lost");
    EXPECT_EQ(sent->outcome(), "connection_lost");
    EXPECT_EQ(waiting->outcome(), "pending");
    for (const auto& call : {expired, answered_in_part, sent})
        EXPECT_EQ(call->times_done, 1);
    // The next connection begins with a clean slate.
    EXPECT_EQ(take(), "d");
    EXPECT_TRUE(reply("d1"));
    EXPECT_EQ(waiting->outcome(), "d1 done");
    EXPECT_EQ(admission.calls(), 0U);
}

TEST_F(PipelineTest, a_failed_attempt_to_connect_ends_what_waits) {
    const auto a = add("a", 1s);
    pipeline.fail_waiting(Error(Errc::connection_failed, "refused"));
    EXPECT_EQ(a->outcome(), "connection_failed");
    EXPECT_FALSE(pipeline.has_waiting());
    EXPECT_EQ(admission.calls(), 0U);
    EXPECT_EQ(pipeline.next_event(), std::nullopt);
}

/// Random calls, writes, replies, expiries and losses: each call is settled once, and only ever with its own replies.
TEST_F(PipelineTest, no_reply_reaches_another_call_whatever_happens) {
    std::mt19937 random(20240611);
    std::vector<SeenPtr> calls;
    std::deque<std::string> server; // the replies it owes, in the order of the requests it has seen
    constexpr std::size_t name_bytes = 8;
    const auto name_of = [](std::size_t call) { return std::to_string(10'000'000 + call); };
    for (int step = 0; step < 200'000; ++step) {
        now += std::chrono::microseconds(random() % 2000);
        switch (random() % 8) {
        case 0:
        case 1:
            if (admission.calls() < 50) {
                calls.push_back(add(name_of(calls.size()), std::chrono::milliseconds(random() % 20), 1 + random() % 3));
            }
            break;
        case 2: {
            const auto seen = take(1 + random() % 40);
            for (std::size_t at = 0; at < seen.size(); at += name_bytes) {
                const auto name = seen.substr(at, name_bytes);
                server.insert(server.end(), calls.at(std::stoul(name) - 10'000'000)->commands, name);
            }
            break;
        }
        case 3:
            pipeline.expire(now);
            break;
        case 4:
            if (random() % 100 == 0) {
                pipeline.fail_in_flight(Error(Errc::connection_lost, "gone"));
                server.clear();
            }
            break;
        default:
            if (!server.empty()) {
                ASSERT_TRUE(reply(server.front()));
                server.pop_front();
            }
        }
    }
    pipeline.fail_in_flight(Error(Errc::connection_lost, "end"));
    pipeline.fail_waiting(Error(Errc::connection_lost, "end"));
    std::size_t answered = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        ASSERT_EQ(calls[i]->times_done, 1);
        for (const auto& own : calls[i]->replies)
            ASSERT_EQ(own.text, name_of(i));
        ASSERT_TRUE(calls[i]->error || calls[i]->replies.size() == calls[i]->commands);
        if (!calls[i]->error) ++answered;
    }
    EXPECT_GT(answered, 1000U);
    EXPECT_GT(calls.size() - answered, 1000U);
    EXPECT_EQ(admission.calls(), 0U);
    EXPECT_EQ(admission.bytes(), 0U);
}

TEST(Admission, is_bounded_by_calls_and_by_bytes) {
    Admission admission(2, 10);
    EXPECT_TRUE(admission.enter(1));
    EXPECT_EQ(admission.enter(10).error().code(), Errc::overloaded);
    EXPECT_TRUE(admission.enter(9));
    const auto third = admission.enter(0);
    ASSERT_FALSE(third);
    EXPECT_NE(third.error().message().find("max_pending_calls"), std::string::npos);
    admission.leave(9);
    const auto large = admission.enter(10);
    ASSERT_FALSE(large);
    EXPECT_NE(large.error().message().find("max_pending_bytes"), std::string::npos);
    EXPECT_EQ(admission.calls(), 1U);
    EXPECT_EQ(admission.bytes(), 1U);
}

} // namespace
} // namespace tiercel::transport
