"""Helm's own library, as helm-java carries it, called as the command is called:

    helm.py LIBRARY version
    helm.py LIBRARY template NAME CHART --namespace NAMESPACE --kube-version VERSION --values FILE
    helm.py LIBRARY lint --strict CHART

The structs are those of the header that lies beside the library.
"""
import ctypes
import sys

TEXT, NUMBER = ctypes.c_char_p, ctypes.c_int


class Result(ctypes.Structure):
    _fields_ = [('out', TEXT), ('err', TEXT), ('std_out', TEXT), ('std_err', TEXT)]


class LintOptions(ctypes.Structure):
    _fields_ = [('path', TEXT), ('strict', NUMBER), ('quiet', NUMBER)]


class TemplateOptions(ctypes.Structure):
    _fields_ = [
        ('name', TEXT), ('version', TEXT), ('chart', TEXT), ('namespace', TEXT), ('kube_version', TEXT),
        ('dependency_update', NUMBER), ('skip_crds', NUMBER),
        ('values', TEXT), ('set_files', TEXT), ('values_files', TEXT), ('cert_file', TEXT), ('key_file', TEXT), ('ca_file', TEXT),
        ('insecure_skip_tls_verify', NUMBER), ('plain_http', NUMBER), ('keyring', TEXT), ('debug', NUMBER), ('repository_config', TEXT),
    ]


def call(library, name, options):
    function = getattr(library, name)
    function.restype = Result
    return function(ctypes.byref(options)) if options is not None else function()


def main(path, command, *arguments):
    library = ctypes.CDLL(path)
    given = [argument.encode() for argument in arguments]
    if command == 'version':
        result = call(library, 'Version', None)
    elif command == 'template':
        name, chart, _, namespace, _, kube_version, _, values = given
        result = call(library, 'Template', TemplateOptions(name=name, chart=chart, namespace=namespace, kube_version=kube_version, values_files=values))
    elif command == 'lint':
        result = call(library, 'Lint', LintOptions(path=given[1], strict=1))
    else:
        raise SystemExit(f'there is no {command}')
    sys.stdout.write((result.out or b'').decode())
    if result.err:
        raise SystemExit('Error: ' + result.err.decode())
    if command == 'lint' and b'Failed: true' in result.out:
        raise SystemExit(1)


main(*sys.argv[1:])
