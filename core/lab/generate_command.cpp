#include "lab/byte_sink.hpp"
#include "lab/commands.hpp"
#include "lab/failure.hpp"
#include "lab/progress_bar.hpp"
#include "lab/trace_generator.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <string>

namespace tiercel::lab {
namespace {

constexpr std::uint64_t most_keys = std::uint64_t{1} << 53; // ranks are found in doubles
constexpr double most_skew = 10;

struct GenerateOptions : GeneratorOptions {
    std::string out = "-";
    std::string compression;
};

/// What --compress says, else what the file's name does.
Compression compression_of(const GenerateOptions& options) {
    const std::map<std::string, Compression> known{
        {"none", Compression::none}, {"gzip", Compression::gzip}, {"zstd", Compression::zstd}};
    if (!options.compression.empty()) return known.at(options.compression);
    if (options.out.ends_with(".gz")) return Compression::gzip;
    if (options.out.ends_with(".zst")) return Compression::zstd;
    return Compression::none;
}

void generate_trace(const GenerateOptions& options) {
    if (options.requests == 0) throw UsageError("--requests 0 makes no trace; give 1 or more");
    if (options.keys == 0 || options.keys > most_keys) throw UsageError("--keys is 1 to 2^53");
    if (!(options.skew >= 0 && options.skew <= most_skew))
        throw UsageError("--skew is 0 (all keys alike) to 10; the web is at 0.6 to 1");
    if (options.least_size > options.most_size || (options.least_size == 0) != (options.most_size == 0))
        throw UsageError("--bytes is the least and the most size, both 1 or more: --bytes 64 65536");

    ByteSink sink(options.out, compression_of(options));
    ProgressBar bar("generating", options.requests);
    std::uint64_t lines = 0;
    generate(options, [&](std::string_view line) {
        sink.write(line);
        if (++lines % 65536 == 0) bar.set(lines);
    });
    sink.finish();
}

} // namespace

void add_generate(CLI::App& lab) {
    auto& command = *lab.add_subcommand("generate", "make a trace from a seed: the same options give the same trace");
    auto options = std::make_shared<GenerateOptions>();
    const std::map<std::string, Pattern> patterns{{"zipf", Pattern::zipf},
                                                  {"scan", Pattern::scan},
                                                  {"loop", Pattern::loop},
                                                  {"hotspot", Pattern::hotspot},
                                                  {"mixed", Pattern::mixed}};
    command
        .add_option("pattern", options->pattern,
                    "zipf: few keys often, most rarely; scan: every key once, in order; loop: the keys in order, over "
                    "and over; hotspot: a hot tenth of the keys, which moves on; mixed: all of these by turns")
        ->required()
        ->transform(CLI::CheckedTransformer(patterns).description(""))
        ->type_name("zipf|scan|loop|hotspot|mixed");
    command.add_option("--requests", options->requests, "how many lines")->capture_default_str();
    command.add_option("--keys", options->keys, "how many different keys at most (scan: as many as requests)")
        ->capture_default_str();
    command.add_option("--skew", options->skew, "of zipf: 0 is even, 1 is steep")->capture_default_str();
    command.add_option("--seed", options->seed, "of all that is left to chance")->capture_default_str();
    auto* bytes = command.add_option_function<std::vector<std::uint64_t>>(
        "--bytes",
        [options](const std::vector<std::uint64_t>& range) {
            options->least_size = range.at(0);
            options->most_size = range.at(1);
        },
        "give each key a size between these, for --weigh");
    bytes->expected(2)->type_name("LEAST MOST");
    command.add_option("--out", options->out, "a file, or - for standard output")->capture_default_str();
    command.add_option("--compress", options->compression, "none, gzip or zstd; by default what the file's name says")
        ->check(CLI::IsMember({"none", "gzip", "zstd"}).description(""))
        ->type_name("none|gzip|zstd");
    command.footer("tiercel-lab generate zipf --requests 1000000 --keys 50000 --skew 0.9 --out zipf.trace.zst");
    command.callback([options] { generate_trace(*options); });
}

} // namespace tiercel::lab
