// Prints one golden file. Usage: golden_write <case>; without a case, lists them.

#include "golden_cases.hpp"

#include <cstdio>
#include <string_view>

namespace {

void print_hex(std::string_view label, tiercel::BytesView bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::printf("%s%02x", i % 16 == 0 ? (i == 0 ? "" : "\n") : " ", static_cast<unsigned char>(bytes[i]));
    }
    std::printf("  # %.*s\n", static_cast<int>(label.size()), label.data());
}

void print_file(tiercel::BytesView envelope) {
    struct Part {
        const char* label;
        std::size_t bytes;
    };
    constexpr Part header[] = {{"magic", 1},   {"format version", 1}, {"flags", 1},
                               {"codec", 1},   {"compressor", 1},     {"reserved", 3},
                               {"schema", 4},  {"raw bytes", 4},      {"key fingerprint", 16},
                               {"created", 8}, {"expires", 8},        {"version", 8},
                               {"checksum", 8}};
    for (const auto& [label, bytes] : header) {
        print_hex(label, envelope.substr(0, bytes));
        envelope.remove_prefix(bytes);
    }
    if (!envelope.empty()) print_hex("payload", envelope);
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view wanted = argc == 2 ? argv[1] : "";
    bool found = false;
    tiercel::golden::for_each_case(
        [&](std::string_view name, auto key, const auto& header, const auto& value, const auto& compressor) {
            if (wanted.empty()) std::printf("%s\n", std::string(name).c_str());
            if (name != wanted) return;
            found = true;
            print_file(tiercel::golden::written(key, header, value, compressor));
        });
    return found || wanted.empty() ? 0 : 1;
}
