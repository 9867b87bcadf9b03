#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace tiercel::lab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

constexpr int ok = 0;
constexpr int error = 1;
constexpr int usage = 2;

class Program : public testing::Test {
protected:
    struct Ending {
        int code = -1;
        std::string out;
        std::string complaints;
    };

    /// `words` goes through the shell, in a directory of its own.
    Ending run(const std::string& words, const std::string& before = "") const {
        const std::string command = "cd '" + directory_.path().string() + "' && " + before +
                                    "'" TIERCEL_LAB_PROGRAM "' " + words + " >out 2>complaints";
        const int status = std::system(command.c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content("out"), content("complaints")};
    }

    std::string content(const std::string& name) const {
        std::ifstream in(directory_.path() / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    void write(const std::string& name, const std::string& bytes) const {
        std::ofstream(directory_.path() / name, std::ios::binary) << bytes;
    }

    /// It ended that way, printed nothing but one line of complaint, and that has `what` in it.
    void expect_refusal(int code, const std::string& words, const std::string& what) const {
        const Ending ending = run(words);
        EXPECT_EQ(ending.code, code) << words << ": " << ending.complaints;
        EXPECT_THAT(ending.out, IsEmpty()) << words;
        EXPECT_THAT(ending.complaints, HasSubstr(what)) << words;
    }

    tiercel::test::TempDir directory_;
};

TEST_F(Program, simulates_what_it_generates) {
    ASSERT_EQ(run("generate loop --requests 20000 --keys 1000 --out z.trace.zst").code, ok);
    const Ending ending = run("simulate --trace z.trace.zst --policy lru,belady --size 10,5% --format csv");
    EXPECT_EQ(ending.code, ok);
    EXPECT_THAT(ending.complaints, IsEmpty()); // no progress bar in a pipe
    const std::string number = R"([01]\.[0-9]{8,},20000,[0-9.]+)";
    const std::string rows =
        "z,10,lru," + number + "\nz,10,belady," + number + "\nz,50,lru," + number + "\nz,50,belady," + number + "\n";
    EXPECT_THAT(ending.out, MatchesRegex("trace,cache_size,policy,hit_ratio,requests,seconds\n" + rows));
}

TEST_F(Program, reads_every_compression_and_standard_input) {
    for (const std::string compress : {"none", "gzip", "zstd"})
        ASSERT_EQ(
            run("generate mixed --requests 5000 --keys 300 --out " + compress + ".trace --compress " + compress).code,
            ok);
    EXPECT_THAT(content("gzip.trace"), StartsWith("\x1F\x8B"));
    EXPECT_THAT(content("zstd.trace"), StartsWith("\x28\xB5\x2F\xFD"));
    const std::string with = " --policy lru --size 20 --format table";
    std::string wanted;
    for (const std::string compress : {"none", "gzip", "zstd"}) {
        const Ending named = run("simulate --trace " + compress + ".trace" + with);
        const Ending piped = run("simulate --trace -" + with + " <" + compress + ".trace");
        EXPECT_EQ(named.code, ok) << named.complaints;
        EXPECT_EQ(piped.code, ok) << piped.complaints;
        const std::string row = named.out.substr(named.out.find('\n'));
        if (wanted.empty()) wanted = row;
        EXPECT_EQ(row, wanted);
        EXPECT_EQ(piped.out.substr(piped.out.find('\n')), wanted);
    }
}

TEST_F(Program, takes_several_traces_and_writes_json) {
    write("a.trace", "x\ny\nx\n");
    write("b.trace", "p\np\n");
    const Ending ending = run("simulate --trace a.trace b.trace --policy fifo --size 1 --format json");
    EXPECT_EQ(ending.code, ok);
    EXPECT_THAT(ending.out, HasSubstr(R"("trace": "a", "cache_size": 1, "policy": "fifo", "hit_ratio": 0.0000000000)"));
    EXPECT_THAT(ending.out, HasSubstr(R"("trace": "b", "cache_size": 1, "policy": "fifo", "hit_ratio": 0.5000000000)"));
}

TEST_F(Program, weighs) {
    write("a.trace", "x 10\ny 10\nx 10\n");
    EXPECT_THAT(run("simulate --trace a.trace --policy lru --size 100%,15 --format csv --weigh").out,
                HasSubstr("a,20,lru,0.3333333333,3,"));
}

TEST_F(Program, says_what_is_wrong_with_data) {
    write("empty.trace", "");
    write("sizes.trace", "a 1\nb two\n");
    ASSERT_EQ(run("generate loop --requests 9000 --out whole.gz").code, ok);
    ASSERT_EQ(run("generate loop --requests 9000 --out whole.zst").code, ok);
    write("cut.gz", content("whole.gz").substr(0, 100));
    write("cut.zst", content("whole.zst").substr(0, 100));
    const std::string with = " --policy lru --size 10";
    expect_refusal(error, "simulate --trace none.trace" + with, "none.trace: No such file or directory; give the path");
    expect_refusal(error, "simulate --trace ." + with, "directory");
    expect_refusal(error, "simulate --trace empty.trace" + with, "the trace is empty; it needs one request a line");
    expect_refusal(error, "simulate --trace cut.gz" + with, "truncated");
    expect_refusal(error, "simulate --trace cut.zst" + with, "truncated");
    expect_refusal(error, "simulate --weigh --trace sizes.trace" + with, "sizes.trace, line 2: \"two\" is no size");
    expect_refusal(error, "generate scan --requests 5 --out no/such/directory", "No such file or directory");
}

TEST_F(Program, says_what_is_wrong_with_the_command_line) {
    write("a.trace", "x\ny\n");
    const std::string trace = "simulate --trace a.trace ";
    expect_refusal(usage, trace + "--policy lru --size 0", "size 0 holds nothing; give a size of 1 or more");
    expect_refusal(usage, trace + "--policy lru --size many", "\"many\" is no cache size");
    expect_refusal(usage, trace + "--policy lru --size 0.1%", "less than one");
    expect_refusal(usage, trace + "--policy lru,best --size 1",
                   "there is no policy \"best\"; there are: adaptive lru ");
    expect_refusal(usage, trace + "--policy best --size 1", " belady");
    expect_refusal(usage, trace + "--policy lru --size 1 --shards 3", "power of two");
    expect_refusal(usage, trace + "--policy lru --size 1 --sample 0", "--sample");
    expect_refusal(usage, trace + "--policy lru --size 1 --format xml", "--format");
    expect_refusal(usage, trace + "--policy lru", "--size is required");
    expect_refusal(usage, "simulate --policy lru --size 1", "--trace is required");
    expect_refusal(usage, "", "subcommand");
    expect_refusal(usage, "fly", "--help");
    expect_refusal(usage, "compare --size 3", "--trace");
    expect_refusal(usage, "compare --size 3 --sequence ' '", "the sequence is empty");
    expect_refusal(usage, "generate zipf --requests 0", "--requests 0");
    expect_refusal(usage, "generate storm", "storm");
    expect_refusal(usage, "recommend --trace a.trace --policy belady", "knows the future");
}

TEST_F(Program, helps) {
    const Ending ending = run("--help");
    EXPECT_EQ(ending.code, ok);
    for (const auto* command : {"simulate", "curve", "compare", "generate", "recommend"}) {
        EXPECT_THAT(ending.out, HasSubstr(command));
        EXPECT_EQ(run(std::string(command) + " --help").code, ok);
    }
}

TEST_F(Program, draws_curves_into_a_file_as_text_and_into_a_pipe) {
    ASSERT_EQ(run("generate zipf --requests 5000 --keys 500 --out z.trace").code, ok);
    const Ending to_file = run("curve --trace z.trace --policy lru,belady --points 5 --out z.svg");
    EXPECT_EQ(to_file.code, ok) << to_file.complaints;
    EXPECT_THAT(to_file.out, IsEmpty());
    EXPECT_THAT(content("z.svg"), StartsWith("<svg "));
    EXPECT_EQ(run("curve --trace z.trace --policy lru,belady --points 5").out, content("z.svg"));
    const Ending text = run("curve --trace z.trace --policy lru,belady --points 5 --text");
    EXPECT_THAT(text.out, StartsWith("Miss ratio over cache size: z\n5,000 requests, "));
    EXPECT_THAT(text.out, Not(HasSubstr("<svg")));
}

TEST_F(Program, compares_policies_on_a_sequence) {
    const Ending ending = run("compare --sequence 'a b c a d a' --size 3 --policy lru,belady --text --out c.svg");
    EXPECT_EQ(ending.code, ok) << ending.complaints;
    EXPECT_THAT(ending.out, HasSubstr("        a b c a d a \nlru     · · · ● · ●  33.33 %"));
    EXPECT_THAT(content("c.svg"), StartsWith("<svg "));
}

TEST_F(Program, recommends_in_three_sentences) {
    ASSERT_EQ(run("generate zipf --requests 20000 --keys 2000 --out z.trace.gz").code, ok);
    const Ending ending = run("recommend --trace z.trace.gz");
    EXPECT_EQ(ending.code, ok) << ending.complaints;
    EXPECT_THAT(ending.out, MatchesRegex("Choose [a-z_0-9]+ with [0-9,]+ entries .*\\. The next 50 % of memory .*\\. "
                                         "The offline optimum \\(Belady\\).*\\.\n"));
    EXPECT_THAT(run("recommend --trace z.trace.gz --size 5% --policy lru").out, HasSubstr(" entries (5.0 % of the "));
}

TEST_F(Program, fails_when_its_output_cannot_be_written) {
    write("a.trace", "x\ny\n");
    const std::string program = "'" TIERCEL_LAB_PROGRAM "' ";
    EXPECT_EQ(WEXITSTATUS(std::system(("cd '" + directory_.path().string() + "' && " + program +
                                       "simulate --trace a.trace --policy lru --size 1 >/dev/full 2>complaints")
                                          .c_str())),
              error);
    EXPECT_THAT(content("complaints"), HasSubstr("cannot write to standard output"));
    EXPECT_EQ(run("generate zipf --requests 100000 --out /dev/full").code, error);
}

} // namespace
} // namespace tiercel::lab::test
