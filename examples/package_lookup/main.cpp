// A service looks up Debian packages: memory over Redis over Memcached over SQLite. Real records, real servers, and
// three bad moments. Start it with examples/run.sh; package_cache.cpp is the part to copy from.

#include "dpkg_records.hpp"
#include "moments.hpp"
#include "package_cache.hpp"
#include "progress.hpp"

#include <tiercel/stats.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace package_lookup {

namespace {

struct Settings {
    std::string redis;
    std::string memcached;
    std::string redis_pid_file;
    std::string records = "/var/lib/dpkg/status";
    std::string database;
    double seconds = 10;
    unsigned threads = 4;
    std::uint64_t seed = 42;
    // What a restarted process is told by the one before it.
    std::string resume;
    std::string own_directory;
};

/// What the process leaves for the one that takes its place.
struct Testament {
    double memory_ratio = 0;
    bool all_held = false;
    std::string summary;

    void write(const std::filesystem::path& file) const {
        std::ofstream out(file);
        out << memory_ratio << ' ' << all_held << '\n' << summary;
        if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
    }
    static Testament read(const std::filesystem::path& file) {
        std::ifstream in(file);
        Testament read;
        if (!(in >> read.memory_ratio >> read.all_held)) throw std::runtime_error("cannot read " + file.string());
        in.get();
        read.summary.assign(std::istreambuf_iterator<char>(in), {});
        return read;
    }
};

/// A directory for the database where none was named; goes with all that is in it, unless handed to a successor.
class OwnDirectory {
public:
    OwnDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "package_lookup-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory " + name);
        path_ = name;
    }
    explicit OwnDirectory(std::filesystem::path inherited) : path_(std::move(inherited)) {}
    ~OwnDirectory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    OwnDirectory(const OwnDirectory&) = delete;
    OwnDirectory& operator=(const OwnDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path release() { return std::exchange(path_, {}); }

private:
    std::filesystem::path path_;
};

void heading(const std::string& text) {
    std::printf("\n%s\n", text.c_str());
    std::fflush(stdout);
}

/// The memory tier has room for a quarter of the packages.
std::uint64_t memory_entries_for(std::size_t packages) {
    return std::max<std::size_t>(16, packages / 4);
}

Testament serve(const Settings& settings, const Backends& backends) {
    const auto packages = read_dpkg_records(settings.records);
    PackageTable::create(settings.database, packages);
    PackageTable table(settings.database);
    const auto names = table.names();
    const auto memory_entries = memory_entries_for(names.size());
    const auto cache = make_package_cache(backends, table, memory_entries);

    std::printf("source      %s packages of %s, in SQLite\n", with_commas(names.size()).c_str(),
                settings.records.c_str());
    std::printf("chain       memory (%s packages) > %s > %s, zstd\n", with_commas(memory_entries).c_str(),
                settings.redis.empty() ? "memory backend, for want of Redis" : settings.redis.c_str(),
                settings.memcached.empty() ? "memory backend, for want of Memcached"
                                           : ("memcached " + settings.memcached).c_str());
    std::printf("process     %d, %u threads, seed %llu\n", static_cast<int>(::getpid()), settings.threads,
                static_cast<unsigned long long>(settings.seed));

    const std::span<const std::string> by_rank(names);
    heading("Priming the " + with_commas(memory_entries) +
            " packages that most others depend on, at 200 a second to spare the database");
    const auto primed = cache
                            .prime(by_rank.first(std::min<std::size_t>(names.size(), memory_entries)),
                                   {.batch = 10, .rate_per_second = 200, .on_progress = prime_progress()})
                            .value();
    std::printf("  %llu loaded, %llu failed\n", static_cast<unsigned long long>(primed.counts.loaded),
                static_cast<unsigned long long>(primed.counts.failed));

    heading("A thousand threads want " + names.back() + ", which is in no tier");
    const auto stampede = thousand_threads_one_load(cache, table, names.back());
    std::printf("%s", to_text(stampede).c_str());

    heading("Traffic: the package of rank n is asked for with a weight of 1/n");
    const auto for_traffic = std::chrono::milliseconds(static_cast<std::int64_t>(settings.seconds * 1000));
    Seen all;
    Moment outage;
    {
        Traffic traffic(cache, by_rank, settings.threads, settings.seed);
        outage = redis_dies_under_load(
            cache, backends, traffic,
            {.redis_pid_file = settings.redis_pid_file,
             .before = for_traffic / 2,
             .after = std::max<std::chrono::milliseconds>(
                 for_traffic / 2, std::chrono::milliseconds(settings.redis_pid_file.empty() ? 0 : 4'000))},
            all);
        if (all.failed == 0) all.add(traffic.take());
    }
    std::printf("%s", to_text(outage).c_str());

    const auto stats = cache.stats();
    Testament left{all.memory_ratio(), stampede.held && outage.held, ""};
    left.summary = tiercel::to_table(stats) + "\n" + to_text(stampede) + to_text(outage);
    return left;
}

/// This program again, in a process that knows nothing but these further words. Returns only on failure.
void restart(char** arguments, const std::vector<std::string>& further) {
    std::vector<std::string> words;
    for (auto word = arguments; *word != nullptr; ++word)
        words.emplace_back(*word);
    words.insert(words.end(), further.begin(), further.end());
    std::vector<char*> raw;
    for (auto& word : words)
        raw.push_back(word.data());
    raw.push_back(nullptr);
    std::fflush(nullptr);
    ::execv("/proc/self/exe", raw.data());
    throw std::runtime_error(std::string("cannot start again: ") + std::strerror(errno));
}

int resume(const Settings& settings, const Backends& backends) {
    auto left = Testament::read(settings.resume);
    PackageTable table(settings.database);
    const auto names = table.names();
    const auto again = priming_after_restart(backends, table, names, memory_entries_for(names.size()), settings.seed,
                                             left.memory_ratio);
    std::printf("%s", to_text(again).c_str());
    heading("---- in short ------------------------------------------------------------------------------");
    std::printf("%s%s\n", left.summary.c_str(), to_text(again).c_str());
    return left.all_held && again.held ? 0 : 1;
}

int run(int argc, char** argv) {
    Settings settings;
    CLI::App app(
        "Looks up Debian packages through memory, Redis and Memcached over SQLite; shows what the cache does.");
    app.option_defaults()->take_last(); // the restarted process gets the same words, and some more
    app.add_option("--redis", settings.redis, "redis://host:port or unix:///path; without: the memory backend");
    app.add_option("--memcached", settings.memcached, "host:port, ...; without: the memory backend");
    app.add_option("--redis-pid-file", settings.redis_pid_file,
                   "holds the process id of a redis-server that is ours to kill");
    app.add_option("--records", settings.records, "a package database in dpkg's format")->capture_default_str();
    app.add_option("--database", settings.database, "the SQLite file to make; without: in a temporary directory");
    app.add_option("--seconds", settings.seconds, "length of the traffic")
        ->check(CLI::Range(0.2, 3600.0))
        ->capture_default_str();
    app.add_option("--threads", settings.threads, "that look up")->check(CLI::Range(1u, 256u))->capture_default_str();
    app.add_option("--seed", settings.seed, "of the choice of packages")->capture_default_str();
    app.add_option("--resume", settings.resume)->group("");
    app.add_option("--own-directory", settings.own_directory)->group("");
    CLI11_PARSE(app, argc, argv);

    const auto backends = connect(settings.redis, settings.memcached);
    if (!settings.resume.empty()) {
        const OwnDirectory inherited(settings.own_directory); // none, if empty
        return resume(settings, backends);
    }

    std::optional<OwnDirectory> own;
    if (settings.database.empty()) settings.database = (own.emplace().path() / "packages.sqlite").string();
    const auto left = serve(settings, backends);
    const auto testament = settings.database + ".summary";
    left.write(testament);
    heading("The process ends, and starts again with nothing in memory");
    std::vector<std::string> further{"--database", settings.database, "--resume", testament};
    if (own) further.insert(further.end(), {"--own-directory", own->release().string()});
    restart(argv, further);
    return 2;
}

} // namespace

} // namespace package_lookup

int main(int argc, char** argv) {
    try {
        return package_lookup::run(argc, argv);
    } catch (const std::exception& error) {
        std::fflush(stdout);
        std::fprintf(stderr, "package_lookup: %s\n", error.what());
        return 2;
    }
}
