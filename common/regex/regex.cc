// regex.cc - RE2 behind plain C functions.
#include "regex/engine.h"

#include <re2/re2.h>

#include <vector>

struct engine {
    explicit engine(re2::StringPiece pattern) : re(pattern, options())
    {
    }

    static RE2::Options options()
    {
        RE2::Options o; // RE2's own defaults are Go's: leftmost-first, UTF-8, Perl's classes and operators
        o.set_log_errors(false);
        return o;
    }

    RE2 re;
};

namespace
{

enum engine_fault fault_of(RE2::ErrorCode code)
{
    switch (code) {
    case RE2::NoError:
        return FAULT_NONE;
    case RE2::ErrorBadEscape:
        return FAULT_ESCAPE;
    case RE2::ErrorBadCharClass:
        return FAULT_CHAR_CLASS;
    case RE2::ErrorBadCharRange:
        return FAULT_CHAR_RANGE;
    case RE2::ErrorMissingBracket:
        return FAULT_MISSING_BRACKET;
    case RE2::ErrorMissingParen:
        return FAULT_MISSING_PAREN;
    case RE2::ErrorUnexpectedParen:
        return FAULT_UNEXPECTED_PAREN;
    case RE2::ErrorTrailingBackslash:
        return FAULT_TRAILING_BACKSLASH;
    case RE2::ErrorRepeatArgument:
        return FAULT_REPEAT_ARGUMENT;
    case RE2::ErrorRepeatSize:
        return FAULT_REPEAT_SIZE;
    case RE2::ErrorRepeatOp:
        return FAULT_REPEAT_OPERATOR;
    case RE2::ErrorBadPerlOp:
        return FAULT_PERL;
    case RE2::ErrorBadUTF8:
        return FAULT_UTF8;
    case RE2::ErrorBadNamedCapture:
        return FAULT_NAMED_CAPTURE;
    case RE2::ErrorPatternTooLarge:
        return FAULT_TOO_LARGE;
    default:
        return FAULT_INTERNAL;
    }
}

} // namespace

extern "C" {

engine *engine_new(const char *pattern, size_t len)
{
    return new engine(re2::StringPiece(pattern, len));
}

void engine_free(engine *e)
{
    delete e;
}

enum engine_fault engine_fault(const engine *e, engine_span *piece)
{
    *piece = {e->re.error_arg().data(), e->re.error_arg().size()};
    return fault_of(e->re.error_code());
}

int engine_groups(const engine *e)
{
    return e->re.NumberOfCapturingGroups();
}

bool engine_group_name(const engine *e, int group, engine_span *name)
{
    const auto &names = e->re.CapturingGroupNames();
    auto found = names.find(group);
    if (found == names.end())
        return false;
    *name = {found->second.data(), found->second.size()};
    return true;
}

int engine_group_index(const engine *e, const char *name)
{
    const auto &groups = e->re.NamedCapturingGroups();
    auto found = groups.find(name);
    return found == groups.end() ? -1 : found->second;
}

bool engine_match(const engine *e, engine_span text, size_t from, bool anchored, engine_span *groups, int n)
{
    std::vector<re2::StringPiece> found(n);
    if (!e->re.Match(re2::StringPiece(text.data, text.len), from, text.len,
                     anchored ? RE2::ANCHOR_START : RE2::UNANCHORED, found.data(), n))
        return false;
    for (int i = 0; i < n; i++)
        groups[i] = {found[i].data(), found[i].size()};
    return true;
}

} // extern "C"
