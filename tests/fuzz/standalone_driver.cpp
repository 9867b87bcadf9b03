// Runs a fuzz target without libFuzzer, under any compiler: replays every file of a corpus, then seeded mutations of
// them. The same arguments give the same inputs.
// Usage: <target> <corpus folder> <mutations> <seed>. A crash leaves its input in crash_input.bin beside the process.

#include "fuzz_target.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t max_input_bytes = 4096;

std::string current; // what a crash writes out

extern "C" void write_crash_input(int signal) {
    if (std::FILE* file = std::fopen("crash_input.bin", "wb")) {
        std::fwrite(current.data(), 1, current.size(), file);
        std::fclose(file);
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void run_current() {
    // A buffer of exactly its size, so that a sanitizer sees a read past its end.
    const std::vector<std::uint8_t> exact(current.begin(), current.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::vector<std::string> read_corpus(const char* folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : std::filesystem::directory_iterator(folder))
        paths.push_back(file.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> corpus;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return corpus;
}

class Mutator {
public:
    Mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

    std::string next() {
        std::string input = any_of_corpus();
        const std::size_t changes = 1 + below(4);
        for (std::size_t i = 0; i < changes; ++i)
            change(input);
        if (input.size() > max_input_bytes) input.resize(max_input_bytes);
        return input;
    }

private:
    std::size_t below(std::size_t limit) {
        return static_cast<std::size_t>(random_() % std::max<std::size_t>(limit, 1));
    }
    const std::string& any_of_corpus() { return corpus_[below(corpus_.size())]; }

    char any_byte() {
        // Half of them such as lengths, signs and escapes turn on.
        static constexpr std::string_view telling("\x00\x01\x02\x7f\x80\x81\xfe\xff% #0", 12);
        return below(2) == 0 ? telling[below(telling.size())] : static_cast<char>(below(256));
    }

    void change(std::string& input) {
        const std::size_t at = below(input.size() + 1);
        switch (below(6)) {
        case 0:
            if (at < input.size()) input[at] = any_byte();
            break;
        case 1:
            if (at < input.size())
                input[at] = static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << below(8)));
            break;
        case 2:
            input.insert(at, 1 + below(8), any_byte());
            break;
        case 3:
            input.erase(at, 1 + below(8));
            break;
        case 4: // a part of another
        {
            const std::string& other = any_of_corpus();
            const std::size_t from = below(other.size());
            input.insert(at, other.substr(from, 1 + below(64)));
            break;
        }
        default:
            input.resize(at);
            break;
        }
    }

    const std::vector<std::string>& corpus_;
    std::mt19937_64 random_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s <corpus folder> <mutations> <seed>\n", argv[0]);
        return 2;
    }
    const std::vector<std::string> corpus = read_corpus(argv[1]);
    if (corpus.empty()) {
        std::fprintf(stderr, "%s holds no inputs\n", argv[1]);
        return 2;
    }
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL})
        std::signal(signal, write_crash_input);

    for (const std::string& input : corpus) {
        current = input;
        run_current();
    }
    const std::uint64_t mutations = std::stoull(argv[2]);
    Mutator mutator(corpus, std::stoull(argv[3]));
    for (std::uint64_t i = 0; i < mutations; ++i) {
        current = mutator.next();
        run_current();
    }
    std::printf("%zu inputs replayed, %llu mutations run\n", corpus.size(), static_cast<unsigned long long>(mutations));
    return 0;
}
