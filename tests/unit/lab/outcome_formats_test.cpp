#include "lab/outcome_formats.hpp"

#include "lab/number_text.hpp"
#include "made_traces.hpp"

#include <gtest/gtest.h>

namespace tiercel::lab::test {
namespace {

struct Case {
    Trace trace = trace_of_words("a b a c");
    SimulationOptions options{.policies = policies_named({"lru", "belady"}), .capacities = {2, 1000}};
    std::vector<Outcome> outcomes{{"lru", 2, 0.25, 4, 0.5},
                                  {"belady", 2, 1.0 / 3, 4, 0.0000014},
                                  {"lru", 1000, 0, 4, 12},
                                  {"belady", 1000, 1, 4, 1}};
};

TEST(OutcomeFormats, csv_has_its_columns) {
    Case with;
    with.trace.name = "web";
    OutcomeWriter writer(Format::csv);
    EXPECT_EQ(writer.begin(), "trace,cache_size,policy,hit_ratio,requests,seconds\n");
    EXPECT_EQ(writer.of(with.trace, with.options, with.outcomes), "web,2,lru,0.2500000000,4,0.500000\n"
                                                                  "web,2,belady,0.3333333333,4,0.000001\n"
                                                                  "web,1000,lru,0.0000000000,4,12.000000\n"
                                                                  "web,1000,belady,1.0000000000,4,1.000000\n");
    EXPECT_EQ(writer.end(), "");
    with.trace.name = "a,\"b\"";
    EXPECT_TRUE(writer.of(with.trace, with.options, with.outcomes).starts_with("\"a,\"\"b\"\"\",2,lru,"));
}

TEST(OutcomeFormats, json_is_one_array_over_all_traces) {
    Case with;
    with.trace.name = "a\"\\\n";
    with.outcomes.resize(1);
    OutcomeWriter writer(Format::json);
    std::string text = writer.begin();
    text += writer.of(with.trace, with.options, with.outcomes);
    text += writer.of(with.trace, with.options, with.outcomes);
    text += writer.end();
    const std::string object = R"(  {"trace": "a\"\\\u000a", "cache_size": 2, "policy": "lru", )"
                               R"("hit_ratio": 0.2500000000, "requests": 4, "seconds": 0.500000})";
    EXPECT_EQ(text, "[\n" + object + ",\n" + object + "\n]\n");
}

TEST(OutcomeFormats, table_has_a_row_a_size_and_a_column_a_policy) {
    Case with;
    OutcomeWriter writer(Format::table);
    EXPECT_EQ(writer.begin() + writer.of(with.trace, with.options, with.outcomes) + writer.end(),
              "sequence: hit ratios in %, 4 requests, 3 keys\n"
              "entries     lru  belady\n"
              "      2   25.00   33.33\n"
              "  1,000    0.00  100.00\n");
}

TEST(OutcomeFormats, table_says_what_belady_is_when_weighed) {
    Case with;
    with.trace.sizes = {1, 2, 1, 3};
    with.trace.unique_bytes = 6;
    with.options.sample = 0.1;
    const std::string text = OutcomeWriter(Format::table).of(with.trace, with.options, with.outcomes);
    EXPECT_NE(text.find("3 keys of 6 bytes, estimated from 10.0 % of the keys"), text.npos) << text;
    EXPECT_NE(text.find("not a bound"), text.npos) << text;
}

TEST(NumberText, is_for_people) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1'000), "1,000");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
    EXPECT_EQ(percent(0.12345), "12.35 %");
    EXPECT_EQ(short_count(950), "950");
    EXPECT_EQ(short_count(1'000), "1 k");
    EXPECT_EQ(short_count(2'500), "2.5 k");
    EXPECT_EQ(short_count(2'000'000), "2 M");
}

} // namespace
} // namespace tiercel::lab::test
