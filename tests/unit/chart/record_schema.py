#!/usr/bin/env python3
"""Record what Helm says of schemas and values: cases/schema.yaml.

    HELM=helm record_schema.py

Each row below is a JSON schema and values. A chart is made of them, `helm template` is run, and its message without the
words around it is kept ("" when the values are valid). Where Helm's order is random (properties), rows have one fault only.
"""
import os, subprocess, sys, tempfile
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
HELM = os.environ.get("HELM", "helm")
D4, D6, D7 = ('"$schema":"http://json-schema.org/draft-0%d/schema#",' % n for n in (4, 6, 7))
D19 = '"$schema":"https://json-schema.org/draft/2019-09/schema",'


def prop(schema, value):
    return '{"properties":{"v":%s}}' % schema, "v: " + value


def formatted(name, *values):
    return [("{%s\"properties\":{\"v\":{\"format\":\"%s\"}}}" % (D7, name), "v: " + v) for v in values]


ROWS = [
    prop('{"type":"string"}', "1"), prop('{"type":"string"}', "x"), prop('{"type":["string","null"]}', "1.5"),
    prop('{"type":["null","string"]}', "null"), prop('{"type":"integer"}', "3"), prop('{"type":"integer"}', "3.0"),
    prop('{"type":"integer"}', "3.5"), prop('{"type":"number"}', "true"), prop('{"type":"boolean"}', "'true'"),
    prop('{"type":"array"}', "{}"), prop('{"type":"object"}', "[]"),
    prop('{"enum":["a","b"]}', "c"), prop('{"enum":["a"]}', "c"), prop('{"enum":[1,null,true]}', "x"),
    prop('{"enum":[[1],"a"]}', "c"), prop('{"enum":[1]}', "1"), prop('{"const":"it\'s"}', "x"), prop('{"const":{"a":1}}', "x"),
    prop('{"const":5}', "5"), prop('{"minLength":3}', "ab"), prop('{"minLength":3}', "äöü"), prop('{"maxLength":1}', "ab"),
    prop('{"minLength":1e18}', "ab"), prop('{"minLength":1e300}', "ab"), prop('{"minLength":9223372036854775808}', "ab"),
    prop('{"maxLength":1e19}', "ab"), prop('{"minItems":-1e39}', "[]"),
    prop('{"pattern":"^a+$"}', "b\"'c"), prop('{"pattern":"^a+$"}', "aa"),
    prop('{"minimum":5}', "4"), prop('{"maximum":1000.5}', "123456"), prop('{"minimum":1e6}', "0.00001"),
    prop('{"exclusiveMinimum":5}', "5"), prop('{"exclusiveMaximum":5}', "5"), prop('{"multipleOf":0.1}', "0.3"),
    prop('{"multipleOf":0.1}', "0.35"), prop('{"multipleOf":7}', "1000000"),
    ("{%s\"properties\":{\"v\":{\"minimum\":5,\"exclusiveMinimum\":true}}}" % D4, "v: 5"),
    prop('{"minItems":2}', "[1]"), prop('{"maxItems":1}', "[1,2]"), prop('{"uniqueItems":true}', "[1,2,1.0]"),
    prop('{"items":{"type":"string"}}', "[a,1]"), prop('{"prefixItems":[{"type":"string"}],"items":false}', "[a,1]"),
    prop('{"prefixItems":[{"type":"string"}],"items":{"type":"number"}}', "[a,b]"),
    ("{%s\"properties\":{\"v\":{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}}}" % D7, "v: [a,b,c]"),
    prop('{"contains":{"type":"string"}}', "[1]"), prop('{"contains":{"type":"string"}}', "[]"),
    prop('{"contains":{"type":"string"},"minContains":2}', "[a,1]"), prop('{"contains":{"type":"string"},"maxContains":1}', "[a,b,1]"),
    prop('{"contains":{"type":"string"},"minContains":2}', "[1]"),
    prop('{"minProperties":1}', "{}"), prop('{"maxProperties":1}', "{a: 1, b: 2}"), prop('{"required":["a"]}', "{}"),
    prop('{"required":["a","b"]}', "{}"), prop('{"additionalProperties":false}', "{x: 1}"),
    prop('{"additionalProperties":{"type":"string"}}', "{x: 1}"), prop('{"patternProperties":{"^x":{"type":"string"}}}', "{xy: 1}"),
    prop('{"properties":{"a":true},"patternProperties":{"^x":true},"additionalProperties":false}', "{a: 1, xy: 1, b: 2}"),
    prop('{"propertyNames":{"pattern":"^a"}}', "{b: 1}"), prop('{"propertyNames":{"minLength":2,"pattern":"^a"}}', "{b: 1}"),
    prop('{"dependentRequired":{"a":["b","c"]}}', "{a: 1}"), prop('{"dependentSchemas":{"a":{"required":["b"]}}}', "{a: 1}"),
    ("{%s\"properties\":{\"v\":{\"dependencies\":{\"a\":[\"b\"]}}}}" % D7, "v: {a: 1}"),
    prop('{"not":{"type":"string"}}', "a"), prop('{"allOf":[{"type":"string"},{"minLength":3}]}', "a"),
    prop('{"allOf":[{"type":"string"},{"type":"null"}]}', "1"), prop('{"anyOf":[{"type":"string"},{"type":"null"}]}', "1"),
    prop('{"anyOf":[{"type":"string"},{"type":"number"}]}', "1"), prop('{"oneOf":[{"type":"string"},{"type":"null"}]}', "1"),
    prop('{"oneOf":[{"type":"number"},{"minimum":0}]}', "1"), prop('{"oneOf":[{"type":"object","required":["a"]},{"type":"string"}]}', "{}"),
    prop('{"if":{"type":"string"},"then":{"minLength":3},"else":{"minimum":3}}', "a"),
    prop('{"if":{"type":"string"},"then":{"minLength":3},"else":{"minimum":3}}', "1"),
    prop('{"minLength":3,"pattern":"^b"}', "a"), prop('false', "a"), ('false', "a: 1"), ('true', "a: 1"), ('{}', "a: 1"),
    ('{"properties":{"v":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"string"}}}', "v: 1"),
    ('{"properties":{"v":{"$ref":"#/$defs/x"}},"$defs":{"x":{"minLength":3,"pattern":"^b"}}}', "v: a"),
    ('{"properties":{"v":{"$ref":"#/$defs/x","minLength":3}},"$defs":{"x":{"type":"string"}}}', "v: a"),
    ("{%s\"properties\":{\"v\":{\"$ref\":\"#/definitions/x\",\"minLength\":3}},\"definitions\":{\"x\":{\"type\":\"string\"}}}" % D7, "v: a"),
    ('{"properties":{"v":{"$ref":"#/$defs/nope"}}}', "v: a"), ('{"properties":{"v":{"$ref":"#nope"}}}', "v: a"),
    ('{"properties":{"v":{"$ref":"#name"}},"$defs":{"x":{"$anchor":"name","type":"string"}}}', "v: 1"),
    ('{"properties":{"v":{"$ref":"other.json"}},"$defs":{"x":{"$id":"other.json","type":"string"}}}', "v: 1"),
    ('{"properties":{"a/b~c":{"type":"string"}}}', "a/b~c: 1"),
    ('{"properties":{"a":true},"unevaluatedProperties":false}', "{a: 1}"),
    ('{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}', "{a: 1, b: 2}"),
    ('{"properties":{"v":{"prefixItems":[true],"unevaluatedItems":false}}}', "v: [1, 2]"),
    ("{%s\"properties\":{\"v\":{\"$recursiveRef\":\"#\"}},\"additionalProperties\":false}" % D19, "v: {x: 1}"),
    ('{"$dynamicAnchor":"node","properties":{"v":{"$dynamicRef":"#node"}},"additionalProperties":false}', "v: {x: 1}"),
    prop('{"format":"ipv4"}', "x"),  # 2020-12: a remark only
    ("{%s\"properties\":{\"v\":{\"const\":1}}}" % D4, "v: 2"), ("{%s\"properties\":{\"v\":{\"if\":true,\"then\":false}}}" % D6, "v: 2"),
    ('{"properties":{"v":{"additionalProperties":{"allOf":[{"minimum":3},{"multipleOf":2}]}}}}', "v: {x: 1}"),
    ('{"anyOf":[{"required":["a"]},{"anyOf":[{"required":["b"]},{"minProperties":9}]}]}', "v: 1"),
    ('{"properties"', "v: 1"),
]
# Schemas that are none, one fault each, in every draft.
for draft in (D4, D6, D7, D19, ""):
    for fault in ('"type":"nonsense"', '"type":["string","string"]', '"type":[]', '"type":["x"]', '"type":1', '"minLength":-1', '"minLength":"1"',
                  '"maxLength":1.5', '"required":true', '"required":[1]', '"required":["a","a"]', '"properties":[]', '"properties":{"a":1}',
                  '"properties":{"a":{"properties":{"b":{"type":"x"}}}}', '"items":1', '"items":{"type":"x"}', '"items":[]', '"allOf":[]', '"allOf":{}',
                  '"anyOf":[{"minimum":"1"}]', '"not":1', '"enum":1', '"enum":[]', '"pattern":"("', '"pattern":1', '"multipleOf":0', '"maximum":"1"',
                  '"exclusiveMinimum":"x"', '"uniqueItems":1', '"title":1', '"description":[]', '"format":1', '"default":1', '"additionalProperties":1',
                  '"additionalProperties":{"type":"x"}', '"patternProperties":{"a":[]}', '"definitions":{"a":{"type":"x"}}', '"$defs":{"a":{"type":"x"}}',
                  '"dependencies":{"a":1}', '"dependentRequired":{"a":[1]}', '"if":1', '"const":1', '"contains":1', '"propertyNames":1', '"$comment":1',
                  '"readOnly":1', '"examples":1', '"minItems":-1', '"maxContains":-1', '"unevaluatedProperties":1', '"prefixItems":[]', '"type":null'):
        ROWS.append(("{%s\"properties\":{\"v\":{%s}}}" % (draft, fault), "{}"))
for draft in (D7, D19, ""):
    for faults in ('"type":1,"properties":[]', '"title":1,"maximum":"1","$comment":1', '"required":[1,2]', '"allOf":[1,2]', '"type":["x",1]',
                   '"definitions":[],"type":1', '"unevaluatedItems":1,"items":5'):
        one_order = draft == "" or (draft == D19 and "unevaluated" not in faults) or faults.count('":') == 1
        if one_order:  # else Helm's own order is random
            ROWS.append(("{%s\"properties\":{\"v\":{%s}}}" % (draft, faults), "{}"))
            ROWS.append(("{%s%s}" % (draft, faults), "{}"))
for name, values in {
    "ipv4": ("1.2.3.4", "1.2.3", "1.2.3.04", "1.2.3.256", "'1.2.3.x'"), "ipv6": ("'::1'", "x", "'::1%eth0'"),
    "hostname": ("a.b-c", "'-a.b'", "a-.b", "a..b", "a_b"), "email": ("a@b.c", "ab", ".a@b", "a.@b", "a..b@c", "'a b@c'", "'a@[1.2.3]'"),
    "date": ("'2024-02-29'",), "time": ("'10:00:00Z'", "'10:00'", "'25:00:00Z'", "'10:00:00+0'", "'10:00:60Z'"),
    "date-time": ("'2024-01-01T10:00:00Z'", "'2024-01-01 10:00:00Z'", "short"), "uri": ("http://a/b", "a/b"),
    "uri-reference": ("a/b", "'a\\b'"), "uuid": ("x", "123e4567-e89b-12d3-a456-42661417400", "123e4567-e89b-12d3-a456-42661417400g"),
    "duration": ("P1D", "1D", "P", "P1", "PT1X", "P1DT", "P1W", "PW", "PT1S1H"), "json-pointer": ("/a~0", "a", "/a~2"),
    "relative-json-pointer": ("1/a", "x", "01", "'1#'"), "semver": ("1.2.3-rc.1+b", "'1.2'", "01.2.3", "1.2.3-", "1.2.3+"), "regex": ("'('",),
    "period": ("P1D", "P1D/2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z/x"), "unknown-format": ("x",),
}.items():
    ROWS += formatted(name, *values)


def helm_says(folder, schema, values):
    for name, text in (("values.schema.json", schema), ("v.yaml", values)):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    p = subprocess.run([HELM, "template", "x", folder, "-f", os.path.join(folder, "v.yaml")], capture_output=True, text=True)
    if p.returncode == 0:
        return ""
    head = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nc:\n"
    assert p.stderr.startswith(head), (schema, p.stderr)
    return p.stderr[len(head):].strip("\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "Chart.yaml"), "w") as f:
            f.write("apiVersion: v2\nname: c\nversion: 0.1.0\n")
        rows = [{"schema": s, "values": v, "says": helm_says(folder, s, v)} for s, v in ROWS]
    with open(os.path.join(HERE, "cases", "schema.yaml"), "w") as f:
        f.write("# Recorded by record_schema.py from %s.\n" % subprocess.run(
            [HELM, "version", "--short"], capture_output=True, text=True).stdout.split("+")[0])
        yaml.safe_dump(rows, f, sort_keys=False, allow_unicode=True, width=1000)
    print(len(rows), "rows")


if __name__ == "__main__":
    sys.exit(main())
