// Prints one golden file. Usage: golden_write <case>; without a case, lists them.

#include "golden_cases.hpp"

#include <cstdio>
#include <span>
#include <string_view>

namespace {

void print_hex(std::string_view label, tiercel::BytesView bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::printf("%s%02x", i % 16 == 0 ? (i == 0 ? "" : "\n") : " ", static_cast<unsigned char>(bytes[i]));
    }
    std::printf("  # %.*s\n", static_cast<int>(label.size()), label.data());
}

struct Part {
    const char* label;
    std::size_t bytes;
};

void print_parts(std::span<const Part> parts, tiercel::BytesView bytes) {
    for (const auto& [label, size] : parts) {
        print_hex(label, bytes.substr(0, size));
        bytes.remove_prefix(size);
    }
    if (!bytes.empty()) print_hex("payload", bytes);
}

constexpr Part envelope[] = {{"magic", 1},   {"format version", 1}, {"flags", 1},
                             {"codec", 1},   {"compressor", 1},     {"reserved", 3},
                             {"schema", 4},  {"raw bytes", 4},      {"key fingerprint", 16},
                             {"created", 8}, {"expires", 8},        {"version", 8},
                             {"checksum", 8}};

constexpr Part lease[] = {{"magic", 1},    {"format version", 1}, {"flags", 1},
                          {"codec", 1},    {"compressor", 1},     {"reserved", 3},
                          {"schema", 4},   {"raw bytes", 4},      {"key fingerprint", 16},
                          {"created", 8},  {"expires", 8},        {"version", 8},
                          {"checksum", 8}, {"token", 8}};

constexpr Part manifest[] = {
    {"magic", 1},     {"format version", 1},        {"chunks", 2},  {"chunk bytes", 4}, {"total bytes", 8},
    {"write id", 16}, {"checksum of the value", 8}, {"checksum", 8}};

} // namespace

int main(int argc, char** argv) {
    const std::string_view wanted = argc == 2 ? argv[1] : "";
    bool found = false;
    tiercel::golden::for_each_case(
        [&](std::string_view name, auto key, const auto& header, const auto& value, const auto& compressor) {
            if (wanted.empty()) std::printf("%s\n", std::string(name).c_str());
            if (name != wanted) return;
            found = true;
            print_parts(envelope, tiercel::golden::written(key, header, value, compressor));
        });
    if (wanted.empty()) std::printf("lease\nmanifest\n");
    if (wanted == "lease") {
        found = true;
        const auto carried = tiercel::golden::carried_by_the_lease();
        print_parts(lease, tiercel::wire::seal_lease(tiercel::golden::lease_carrying(carried),
                                                     tiercel::golden::of_the_lease()));
    }
    if (wanted == "manifest") {
        found = true;
        print_parts(manifest, tiercel::wire::write_manifest(tiercel::golden::manifest_of_long_text()));
    }
    return found || wanted.empty() ? 0 : 1;
}
