#include "case_file.hpp"

#include <charconv>

namespace tiercel::simulation {

namespace {

bool is_read(Act act) {
    return act == Act::get || act == Act::get_or_load;
}

/// "load 17" or "write 17" anywhere in the text; nothing otherwise.
std::optional<std::size_t> birth_named_in(const std::string& text, const std::string& word) {
    const auto at = text.find(word);
    if (at == std::string::npos) return std::nullopt;
    std::size_t number = 0;
    const auto* from = text.data() + at + word.size();
    const auto [end, failed] = std::from_chars(from, text.data() + text.size(), number);
    if (failed != std::errc() || end == from) return std::nullopt;
    return number;
}

void judge_load_error(CaseFile& file, std::size_t index, Key key, const KeyResult& result) {
    const auto& operation = file.history.operations[index];
    const auto born = birth_named_in(result.text, "load ");
    if (!born || *born >= file.history.births.size()) {
        file.report(10, file.name(index) + " failed with \"" + result.text + "\", which no load said");
        return;
    }
    const auto& birth = file.history.births[*born];
    if (birth.key != key || birth.life != operation.life) {
        file.report(3, file.name(index) + " got the error of " + file.name_of_birth(*born));
    } else if (birth.end.before(operation.begin)) {
        file.report(10, file.name(index) + " got the error of " + file.name_of_birth(*born) +
                            ", which was over: errors are not to be cached");
    }
}

void judge_error(CaseFile& file, std::size_t index, Key key, const KeyResult& result) {
    const auto& operation = file.history.operations[index];
    const auto said = std::string(tiercel::to_string(result.code)) + " (" + result.text + ")";
    switch (result.code) {
    case Errc::cancelled:
        if (!operation.cancelled && operation.strictness != Strictness::strict) {
            file.report(9, file.name(index) + " was told " + said + ", but nobody cancelled it");
        }
        return;
    case Errc::closed: {
        const auto* closing = file.closing(operation.life);
        if (closing == nullptr || operation.end.before(closing->begin)) {
            file.report(15, file.name(index) + " was told " + said + ", but nobody had closed the cache");
        }
        return;
    }
    case Errc::timeout: // see judge_waiting
    case Errc::overloaded:
        return;
    case Errc::loader_failed:
        if (operation.act == Act::get_or_load) {
            judge_load_error(file, index, key, result);
            return;
        }
        break;
    case Errc::writer_failed:
        if (operation.act == Act::put) {
            const auto born = birth_named_in(result.text, "write ");
            if (!born || *born != operation.births.front())
                file.report(9, file.name(index) + " was told " + said + ", which is not about its write");
            return;
        }
        break;
    default:
        break;
    }
    if (operation.strictness == Strictness::strict) return;
    file.report(6, file.name(index) + " was told " + said + ": a tier's failure is not its caller's");
}

} // namespace

void judge_errors(CaseFile& file) {
    const auto& operations = file.history.operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto& operation = operations[i];
        if (!is_read(operation.act) && operation.act != Act::put && operation.act != Act::invalidate) continue;
        for (std::size_t k = 0; k < operation.results.size(); ++k) {
            if (operation.results[k].kind == KeyResult::Kind::error)
                judge_error(file, i, operation.keys[k], operation.results[k]);
        }
    }
}

} // namespace tiercel::simulation
