// The program as run.sh has it: short runs that must be good, and runs with a client that misbehaves, which must not.
// With TIERCEL_LONG three minutes over each server.

#include "support/effort.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace tiercel::chaos {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

struct Ending {
    int code = -1;
    std::string said;
};

Ending run(const std::string& words) {
    const tiercel::test::TempDir directory;
    const auto out = directory.path() / "out";
    const int status = std::system(("'" TIERCEL_CHAOS_PROGRAM "' " + words + " >'" + out.string() + "' 2>&1").c_str());
    std::ifstream in(out);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {std::istreambuf_iterator<char>(in), {}}};
}

/// What a machine under a sanitizer, or with other tests beside this one, may add.
std::string margin() {
    return tiercel::test::is_sanitized ? " --margin-ms 6000" : " --margin-ms 3000";
}

class Chaos : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Over, Chaos, testing::Values("redis", "memcached"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(Chaos, ends_without_a_wrong_value_a_stale_read_or_a_stuck_caller) {
    const bool is_long = std::getenv("TIERCEL_LONG") != nullptr;
    const std::string seconds = is_long ? (tiercel::test::is_sanitized ? "30" : "180") : "8";
    const auto ending = run(std::string("--server ") + GetParam() + " --seed 1 --seconds " + seconds + margin());
    std::cout << ending.said;
    EXPECT_EQ(ending.code, 0) << ending.said;
    EXPECT_THAT(ending.said, ContainsRegex("wrong values +0\n"));
    EXPECT_THAT(ending.said, ContainsRegex("stale reads beyond the bound +0\n"));
    EXPECT_THAT(ending.said, ContainsRegex("stuck callers +0\n"));
    EXPECT_THAT(ending.said, HasSubstr("from its end to the next hit at the tier"));
}

TEST(ChaosChecked, a_loader_that_gives_another_keys_value_is_noticed) {
    const auto ending = run("--plant wrong-value --seconds 3" + margin());
    EXPECT_EQ(ending.code, 1) << ending.said;
    EXPECT_THAT(ending.said, ContainsRegex("another key's +[1-9]")) << ending.said;
    EXPECT_THAT(ending.said, HasSubstr("another key's value: asked for key"));
}

TEST(ChaosChecked, a_value_that_is_served_for_too_long_is_noticed) {
    const auto ending = run("--plant stale --seconds 12 --margin-ms 1000");
    EXPECT_EQ(ending.code, 1) << ending.said;
    EXPECT_THAT(ending.said, ContainsRegex("stale reads beyond the bound +[1-9]")) << ending.said;
}

TEST(ChaosChecked, a_caller_that_does_not_return_is_noticed) {
    const auto ending = run("--plant stuck --seconds 10 --margin-ms 200");
    EXPECT_EQ(ending.code, 1) << ending.said;
    EXPECT_THAT(ending.said, ContainsRegex("stuck callers +[1-9]")) << ending.said;
}

TEST(ChaosProgram, lists_its_faults_and_refuses_what_it_does_not_know) {
    const auto list = run("--list-faults");
    EXPECT_EQ(list.code, 0);
    for (const char* kind : {"half-open", "corrupt", "stopped", "killed", "read-only", "client-killed"})
        EXPECT_THAT(list.said, HasSubstr(kind));
    EXPECT_NE(run("--server postgres").code, 0);
}

} // namespace
} // namespace tiercel::chaos
