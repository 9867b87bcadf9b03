#include "lab/trace_reader.hpp"

#include "lab/byte_sink.hpp"
#include "lab/failure.hpp"
#include "made_traces.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tiercel::lab::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TraceReader : public testing::Test {
protected:
    std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

    std::string file(std::string_view text, Compression compression = Compression::none,
                     const std::string& name = "x.trace") const {
        ByteSink sink(path(name), compression);
        sink.write(text);
        sink.finish();
        return path(name);
    }

    static std::string bytes_of(const std::string& name) {
        std::ifstream in(name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    static std::vector<std::string> words(const Trace& trace) {
        std::vector<std::string> all;
        for (const auto key : trace.keys)
            all.emplace_back(trace.key_texts[key]);
        return all;
    }

    static std::string complaint(const std::string& name, const TraceOptions& options = {}) {
        try {
            read_trace(name, options);
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "read it";
    }

    tiercel::test::TempDir directory_;
};

TEST_F(TraceReader, takes_the_key_up_to_the_first_blank) {
    const Trace trace = read_trace(file("a\nb 12\nlong-key,with:signs\t7 rest\na \nb"));
    EXPECT_THAT(words(trace), ElementsAre("a", "b", "long-key,with:signs", "a", "b"));
    EXPECT_THAT(trace.keys, ElementsAre(0, 1, 2, 0, 1));
    EXPECT_EQ(trace.unique_keys(), 3u);
    EXPECT_THAT(trace.sizes, IsEmpty());
    EXPECT_EQ(trace.name, "x");
}

TEST_F(TraceReader, drops_carriage_returns_and_empty_lines) {
    EXPECT_THAT(words(read_trace(file("a\r\n\r\n\nb\r\n  \n"))), ElementsAre("a", "b"));
}

TEST_F(TraceReader, reads_sizes_when_they_are_weighed) {
    const Trace trace = read_trace(file("a 10\nb\t20\na 11 more\n"), {.weigh = true});
    EXPECT_THAT(trace.sizes, ElementsAre(10, 20, 11));
    EXPECT_EQ(trace.unique_bytes, 30u);
}

TEST_F(TraceReader, knows_compression_by_the_bytes_not_the_name) {
    const std::string text = generated_text({.requests = 300'000, .keys = 20'000}); // several buffers long
    const Trace plain = read_trace(file(text));
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        const Trace trace = read_trace(file(text, compression, "not_named_for_it"));
        EXPECT_EQ(trace.keys, plain.keys);
        EXPECT_EQ(trace.key_texts, plain.key_texts);
        EXPECT_EQ(trace.key_hashes, plain.key_hashes);
    }
}

TEST_F(TraceReader, reads_members_and_frames_one_after_the_other) {
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        const std::string first = bytes_of(file("a\nb", compression));
        const std::string second = bytes_of(file("c\nd\n", compression));
        EXPECT_THAT(words(read_trace(file(first + second))), ElementsAre("a", "bc", "d"));
    }
}

TEST_F(TraceReader, tells_of_a_file_cut_short_wherever_it_was_cut) {
    const std::string text = generated_text({.requests = 2'000, .keys = 500});
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        const std::string whole = bytes_of(file(text, compression));
        for (std::size_t length = 4; length < whole.size(); length += 1 + length % 7) {
            const std::string said = complaint(file(whole.substr(0, length), Compression::none, "cut"));
            ASSERT_THAT(said, HasSubstr("truncated")) << length << " of " << whole.size();
        }
    }
}

TEST_F(TraceReader, tells_of_damage_and_of_what_follows_the_data) {
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        std::string bytes = bytes_of(file(generated_text({.requests = 2'000}), compression));
        EXPECT_THAT(complaint(file(bytes + "junk after the end", Compression::none, "more")), HasSubstr("damaged"));
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
        EXPECT_THAT(complaint(file(bytes, Compression::none, "flipped")), HasSubstr("damaged"));
    }
}

TEST_F(TraceReader, says_what_to_do_about_a_file_it_cannot_read) {
    EXPECT_THAT(complaint(path("none")), HasSubstr("No such file"));
    EXPECT_THAT(complaint(path("none")), HasSubstr("standard input"));
    EXPECT_THAT(complaint(directory_.path().string()), HasSubstr("directory"));
    EXPECT_THAT(complaint(file("")), HasSubstr("the trace is empty"));
    EXPECT_THAT(complaint(file("\n \n\r\n")), HasSubstr("the trace is empty"));
    EXPECT_THAT(complaint(file(std::string("\xFD"
                                           "7zXZ\0\0",
                                           7))),
                HasSubstr("xz -dc"));
    EXPECT_THAT(complaint(file("BZh91AY")), HasSubstr("bzip2 -dc"));
    EXPECT_THAT(complaint(file(std::string("a\n\0\n", 4))), HasSubstr("line 2: a NUL byte"));
    EXPECT_THAT(complaint(file("a\n b\n")), HasSubstr("line 2: the line begins with a blank"));
    EXPECT_THAT(complaint(file("a\n" + std::string(3 << 20, 'k'))), HasSubstr("longer than a megabyte"));
}

TEST_F(TraceReader, names_the_line_of_a_malformed_size) {
    const TraceOptions weigh{.weigh = true};
    for (const std::string_view size : {"ten", "-1", "1.5", "0x10", "99999999999999999999", "12k"})
        EXPECT_THAT(complaint(file("a 1\nb " + std::string(size) + "\n"), weigh),
                    HasSubstr("line 2: \"" + std::string(size) + "\" is no size in bytes"));
    EXPECT_THAT(complaint(file("a 1\n\nb\n"), weigh), HasSubstr("line 3: no size after the key"));
    EXPECT_THAT(complaint(file("a 18446744073709551615\nb 1\n"), weigh), HasSubstr("add up to more than"));
    EXPECT_EQ(complaint(file("a ten\n")), "read it"); // without --weigh nobody looks
}

TEST_F(TraceReader, keeps_lines_whole_over_the_ends_of_its_buffer) {
    const std::string key(1'000'003, 'k'); // under the longest line
    EXPECT_THAT(words(read_trace(file(key + "\nb\n" + key + "\n" + key + "c"))), ElementsAre(key, "b", key, key + "c"));
}

TEST_F(TraceReader, salts_hashes_by_the_seed) {
    const std::string name = file("a\nb\n");
    EXPECT_EQ(read_trace(name, {.seed = 7}).key_hashes, read_trace(name, {.seed = 7}).key_hashes);
    EXPECT_NE(read_trace(name, {.seed = 7}).key_hashes, read_trace(name, {.seed = 8}).key_hashes);
}

TEST(TraceName, ends_at_the_first_extension_trace) {
    EXPECT_EQ(trace_name("/some/where.trace/x.trace.zst"), "x");
    EXPECT_EQ(trace_name("x.trace"), "x");
    EXPECT_EQ(trace_name("zipf_0.9.trace.gz"), "zipf_0.9");
    EXPECT_EQ(trace_name("x.trace.trace.gz"), "x");
    EXPECT_EQ(trace_name("x.traces"), "x.traces");
    EXPECT_EQ(trace_name(".trace"), ".trace");
    EXPECT_EQ(trace_name("plain.txt.gz"), "plain.txt.gz");
    EXPECT_EQ(trace_name("-"), "-");
}

TEST(TraceOfWords, numbers_keys_as_they_come) {
    EXPECT_THAT(trace_of_words(" a b\ta\nc ").keys, ElementsAre(0, 1, 0, 2));
    EXPECT_THROW(trace_of_words("  "), UsageError);
}

} // namespace
} // namespace tiercel::lab::test
