#include "lab/chart.hpp"

#include "lab/comparison.hpp"
#include "lab/miss_ratio_curve.hpp"
#include "made_traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace tiercel::lab::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

CurveChart curves_of(std::string name) {
    CurveChart chart;
    chart.title = std::move(name);
    chart.subtitle = "some requests";
    chart.unit = "entries";
    chart.whole = 1'000;
    chart.sizes = {1, 10, 100, 1'000};
    chart.curves = {{"lru", {1, 0.8, 0.5, 0.2}}, {"belady", {0.9, 0.6, 0.3, 0.2}}};
    return chart;
}

BarChart textbook() {
    const Trace trace = trace_of_words("a b c a d a");
    const SimulationOptions options{.policies = policies_named({"belady", "fifo", "lru"}), .capacities = {3}};
    return comparison_of(trace, options, simulate(trace, options));
}

std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size())
        ++found;
    return found;
}

/// Every element that opens closes; good enough to tell a broken file.
void expect_well_formed(const std::string& svg) {
    EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    EXPECT_EQ(count(svg, "<"), count(svg, ">"));
    EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
    EXPECT_EQ(count(svg, "\"") % 2, 0u);
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf\"")));
}

TEST(CurveChart, svg_has_a_line_and_a_legend_for_each_policy) {
    const std::string svg = svg_of(curves_of("web"));
    expect_well_formed(svg);
    EXPECT_EQ(count(svg, "<path fill=\"none\""), 2u);
    EXPECT_THAT(svg, HasSubstr(">lru</text>"));
    EXPECT_THAT(svg, HasSubstr(">belady</text>"));
    EXPECT_THAT(svg, HasSubstr("stroke-dasharray"));
    EXPECT_THAT(svg, HasSubstr(">1 k</text>"));
    EXPECT_THAT(svg, HasSubstr("prefers-color-scheme: dark"));
}

TEST(CurveChart, svg_escapes_names) {
    const std::string svg = svg_of(curves_of("<a&\"b\">"));
    expect_well_formed(svg);
    EXPECT_THAT(svg, HasSubstr("&lt;a&amp;&quot;b&quot;&gt;"));
}

TEST(CurveChart, draws_one_size_and_flat_curves) {
    CurveChart chart = curves_of("flat");
    chart.sizes = {1};
    chart.curves = {{"lru", {0}}};
    expect_well_formed(svg_of(chart));
    EXPECT_THAT(text_of(chart, 80, Colour::none), HasSubstr("a lru"));
}

TEST(CurveChart, text_fits_its_width_and_falls) {
    for (const std::size_t width : {10U, 60U, 80U, 500U}) {
        std::istringstream lines(text_of(curves_of("web"), width, Colour::none));
        for (std::string line; std::getline(lines, line);) {
            std::size_t letters = 0; // not the bytes that go on with one
            for (const char c : line)
                if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++letters;
            EXPECT_LE(letters, std::clamp<std::size_t>(width, 64, 120));
        }
    }
    const std::string text = text_of(curves_of("web"), 80, Colour::none);
    EXPECT_LT(text.find("│a"), text.rfind('b'));
    EXPECT_THAT(text, HasSubstr("a lru  b belady"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text_of(curves_of("web"), 80, Colour::terminal), HasSubstr("\x1b[38;2;"));
}

TEST(CurveChart, is_made_of_what_was_simulated) {
    const Trace trace = random_trace(1, 2'000, 200);
    const SimulationOptions options{.policies = policies_named({"lru", "belady"}), .capacities = {100, 10}};
    const auto outcomes = simulate(trace, options);
    const CurveChart chart = miss_ratio_chart(trace, options, outcomes);
    EXPECT_THAT(chart.sizes, ElementsAre(10, 100));
    ASSERT_EQ(chart.curves.size(), 2u);
    EXPECT_THAT(chart.curves[0].miss_ratios, ElementsAre(1 - outcomes[2].hit_ratio, 1 - outcomes[0].hit_ratio));
    EXPECT_EQ(chart.subtitle, "2,000 requests, 200 keys");
    EXPECT_EQ(curve_sizes(trace, 4).back(), 200u);
    EXPECT_EQ(curve_sizes(trace, 4).front(), 1u);
}

TEST(BarChart, shows_a_short_sequence_and_what_hit) {
    const BarChart chart = textbook();
    EXPECT_THAT(chart.sequence, ElementsAre("a", "b", "c", "a", "d", "a"));
    ASSERT_EQ(chart.bars.size(), 3u);
    EXPECT_EQ(chart.bars[0].name, "lru");
    EXPECT_THAT(chart.bars[0].hits, ElementsAre(false, false, false, true, false, true));
    EXPECT_EQ(chart.bars[1].name, "fifo");
    EXPECT_THAT(chart.bars[1].hits, ElementsAre(false, false, false, true, false, false));
    EXPECT_EQ(chart.bars[2].name, "belady");
    EXPECT_EQ(text_of(chart, 60, Colour::none), "Hit ratio of each policy: sequence\n"
                                                "6 requests, 4 keys, a cache of 3 entries\n"
                                                "\n"
                                                "        a b c a d a \n"
                                                "lru     · · · ● · ●  33.33 % ██████████\n"
                                                "fifo    · · · ● · ·  16.67 % █████\n"
                                                "belady  · · · ● · ●  33.33 % ██████████\n"
                                                "● hit  · miss\n");
    const std::string svg = svg_of(chart);
    expect_well_formed(svg);
    EXPECT_EQ(count(svg, "<rect"), 3u * 6 + 3);
}

TEST(BarChart, leaves_a_long_sequence_out) {
    const Trace trace = random_trace(1, longest_shown_sequence + 1, 5);
    const SimulationOptions options{.policies = policies_named({"lru"}), .capacities = {3}};
    const BarChart chart = comparison_of(trace, options, simulate(trace, options));
    EXPECT_THAT(chart.sequence, IsEmpty());
    expect_well_formed(svg_of(chart));
    EXPECT_THAT(text_of(chart, 80, Colour::none), Not(HasSubstr("miss")));
}

TEST(Colours, differ_between_policies) {
    std::set<std::string> colours;
    for (const auto* name : {"lru", "fifo", "lfu", "mru", "clock", "sieve", "s3_fifo", "arc", "w_tinylfu", "adaptive"})
        EXPECT_TRUE(colours.insert(colour_of(name)).second) << name;
    EXPECT_EQ(colour_of("belady"), "");
    EXPECT_EQ(colour_of("of tomorrow").size(), 7u);
    EXPECT_FALSE(colours.contains(colour_of("of tomorrow")));
}

} // namespace
} // namespace tiercel::lab::test
