#include "dpkg_records.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace package_lookup {

namespace {

using Fields = std::unordered_map<std::string, std::string>;

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// The fields of the next record; none at the end. Lines that begin with a space continue the field above them.
Fields next_record(std::istream& in) {
    Fields fields;
    std::string line;
    std::string* last = nullptr;
    while (std::getline(in, line)) {
        if (trimmed(line).empty()) {
            if (fields.empty()) continue;
            break;
        }
        if (line.front() == ' ' || line.front() == '\t') {
            if (last) *last += '\n' + std::string(trimmed(line) == "." ? "" : trimmed(line));
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string::npos) throw std::runtime_error("not a line of a package database: " + line);
        last = &fields[line.substr(0, colon)];
        *last = trimmed(std::string_view(line).substr(colon + 1));
    }
    return fields;
}

std::vector<std::string> comma_separated(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

/// "libc6 (>= 2.36)" and "libc6:any | musl" name libc6.
std::string depended_on(const std::string& dependency) {
    return dependency.substr(0, dependency.find_first_of(" :|("));
}

Package package_of(Fields fields) {
    Package package;
    package.name = fields["Package"];
    package.version = fields["Version"];
    package.section = fields["Section"];
    package.maintainer = fields["Maintainer"];
    package.homepage = fields["Homepage"];
    const auto& size = fields["Installed-Size"];
    std::from_chars(size.data(), size.data() + size.size(), package.installed_kib);
    package.depends = comma_separated(fields["Pre-Depends"] + "," + fields["Depends"]);
    package.description = fields["Description"];
    return package;
}

} // namespace

std::vector<Package> read_dpkg_records(const std::filesystem::path& status_file) {
    std::ifstream in(status_file);
    if (!in) {
        throw std::runtime_error("cannot read " + status_file.string() +
                                 "; give --records a file in the format of /var/lib/dpkg/status");
    }
    std::vector<Package> packages;
    std::unordered_set<std::string> names;
    std::unordered_map<std::string, std::size_t> dependents;
    for (auto fields = next_record(in); !fields.empty(); fields = next_record(in)) {
        const auto status = fields.find("Status"); // Packages files have none
        if (status != fields.end() && !status->second.ends_with(" installed")) continue;
        const auto architecture = fields["Architecture"];
        auto package = package_of(std::move(fields));
        if (package.name.empty()) continue;
        for (const auto& dependency : package.depends)
            ++dependents[depended_on(dependency)];
        if (!names.insert(package.name).second) { // the same package for another architecture
            package.name += ":" + architecture;
            if (!names.insert(package.name).second) continue;
        }
        packages.push_back(std::move(package));
    }
    if (packages.empty()) throw std::runtime_error(status_file.string() + " names no installed package");
    std::sort(packages.begin(), packages.end(), [&](const Package& a, const Package& b) {
        const auto rank = [&](const Package& p) { return dependents.contains(p.name) ? dependents.at(p.name) : 0; };
        const auto of_a = rank(a), of_b = rank(b);
        return of_a != of_b ? of_a > of_b : a.name < b.name;
    });
    return packages;
}

} // namespace package_lookup
