#pragma once

#include "scripted.hpp"

#include <tiercel/spi/journal.hpp>

#include <map>

namespace tiercel::testing::chain {

/// A journal in memory that fails when told to.
class ScriptedJournal final : public spi::Journal {
public:
    struct Row {
        std::string value;
        std::uint64_t sequence = 0;
    };
    std::map<std::string, Row> rows;
    std::optional<Error> append_failure, remove_failure, begin_failure;
    std::vector<std::size_t> appends; ///< records of each
    int removes = 0;
    int begun = 0;
    int ended = 0;
    std::uint64_t damaged = 0;

    Result<spi::JournalContents> begin(const spi::JournalIdentity&,
                                       const std::function<void(const spi::JournalRecord&)>& each) override {
        if (begin_failure) return *begin_failure;
        ++begun;
        std::map<std::uint64_t, std::string> order;
        spi::JournalContents contents{rows.size(), damaged, 0};
        for (const auto& [key, row] : rows)
            order[row.sequence] = key;
        for (const auto& [sequence, key] : order) {
            each({key, rows[key].value, sequence});
            contents.last_sequence = sequence;
        }
        return contents;
    }
    Result<void> append(std::span<const spi::JournalRecord> records) override {
        if (append_failure) return *append_failure;
        appends.push_back(records.size());
        for (const auto& record : records)
            rows[std::string(record.key)] = {std::string(record.value), record.sequence};
        return {};
    }
    Result<void> remove(std::span<const spi::JournalRemoval> removals) override {
        ++removes;
        if (remove_failure) return *remove_failure;
        for (const auto& removal : removals) {
            const auto row = rows.find(std::string(removal.key));
            if (row != rows.end() && row->second.sequence <= removal.sequence) rows.erase(row);
        }
        return {};
    }
    void end() noexcept override { ++ended; }
    std::string_view name() const noexcept override { return "scripted"; }
};

struct Journalled : Harness {
    std::shared_ptr<ScriptedJournal> journal = std::make_shared<ScriptedJournal>();

    C::Options journalled() {
        auto made = memory_only();
        made.writer = source.writer();
        made.write_behind.acknowledge = Acknowledge::journal;
        made.write_behind.journal = std::shared_ptr<spi::Journal>(journal);
        return made;
    }
};

} // namespace tiercel::testing::chain
