#include "client.hpp"
#include "peer.hpp"

#include <gtest/gtest.h>

namespace tiercel::redis::test {
namespace {

const std::string log_in = "+OK\r\n+PONG\r\n";
/// One node has all slots: the peer itself.
const std::string all_mine = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:{port}\r\n";

/// The outcome of a get and then of a put through a cluster of which the peer is the only seed.
struct Outcome {
    std::string get;
    std::optional<Errc> put;
};
Outcome outcome_of(const std::vector<std::string>& answers) {
    Peer peer(answers, Peer::AtEnd::stay);
    // One connection for all: the peer's answers are by the place in it.
    Client client(*connect_cluster({peer.url()}, {.node = {.connect_timeout = 200ms,
                                                           .reconnect_delay_min = 1h,
                                                           .reconnect_delay_max = 1h,
                                                           .blocking_connections = 0}}));
    const auto get = client.text("key", 400ms);
    return {get, code_of(client.put("key", "value", std::nullopt, 400ms))};
}

struct Row {
    const char* name;
    std::vector<std::string> answers;
    const char* get;
    bool tried_again = false;
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

class HostileCluster : public ::testing::TestWithParam<Row> {};

TEST_P(HostileCluster, is_a_typed_error_by_the_deadline) {
    const auto outcome = outcome_of(GetParam().answers);
    // Where a call is tried again until its deadline, that may come while the last try is under way.
    const bool late = GetParam().tried_again && outcome.get == "timeout";
    EXPECT_TRUE(late || outcome.get == GetParam().get) << outcome.get;
    EXPECT_TRUE(outcome.put);
}

std::vector<std::string> after_log_in(std::vector<std::string> answers) {
    answers.insert(answers.begin(), log_in);
    return answers;
}
std::vector<std::string> with_slots(std::vector<std::string> answers) {
    answers.insert(answers.begin(), all_mine);
    return after_log_in(std::move(answers));
}

INSTANTIATE_TEST_SUITE_P(
    Each, HostileCluster,
    ::testing::Values(
        Row{"slots_of_another_kind", after_log_in({"+OK\r\n"}), "protocol_error"},
        Row{"slots_beyond_the_last", after_log_in({"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n"}),
            "protocol_error"},
        Row{"overlapping_ranges",
            after_log_in({"*2\r\n*3\r\n:0\r\n:9\r\n*2\r\n$1\r\nh\r\n:1\r\n*3\r\n:9\r\n:9\r\n*2\r\n$1\r\nh\r\n:1\r\n"}),
            "protocol_error"},
        Row{"a_negative_port", after_log_in({"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:-1\r\n"}),
            "protocol_error"},
        Row{"endless_slots", after_log_in({"*100000000\r\n"}), "protocol_error"},
        Row{"slots_nested_too_deep", after_log_in({"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}),
            "protocol_error"},
        Row{"no_slots", after_log_in({"*0\r\n"}), "not_ready"}, Row{"silence", after_log_in({}), "connection_failed"},
        Row{"moved_for_ever", with_slots(std::vector<std::string>(50, "-MOVED 12539 :{port}\r\n")), "moved"},
        Row{"asked_for_ever",
            with_slots({"-ASK 12539 :{port}\r\n", "+OK\r\n-ASK 12539 :{port}\r\n", "+OK\r\n-ASK 12539 :{port}\r\n",
                        "+OK\r\n-ASK 12539 :{port}\r\n", "+OK\r\n-ASK 12539 :{port}\r\n",
                        "+OK\r\n-ASK 12539 :{port}\r\n"}),
            "moved"},
        Row{"asking_refused", with_slots({"-ASK 12539 :{port}\r\n", "-NOPERM no\r\n-MOVED 12539 :{port}\r\n"}),
            "permission_denied"},
        Row{"moved_to_nowhere", with_slots({"-MOVED 12539 ?:1\r\n"}), "protocol_error"},
        Row{"moved_to_no_slot", with_slots({"-MOVED 99999 :{port}\r\n"}), "protocol_error"},
        Row{"moved_to_a_dead_node", with_slots({"-MOVED 12539 127.0.0.1:1\r\n"}), "connection_failed"},
        Row{"down_for_ever", with_slots(std::vector<std::string>(50, "-CLUSTERDOWN The cluster is down\r\n")),
            "not_ready", true},
        Row{"try_again_for_ever", with_slots(std::vector<std::string>(50, "-TRYAGAIN Multiple keys\r\n")), "not_ready",
            true},
        Row{"another_kind_of_reply", with_slots({":1\r\n"}), "protocol_error"}),
    [](const auto& row) { return std::string(row.param.name); });

} // namespace
} // namespace tiercel::redis::test
