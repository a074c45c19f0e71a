{{- define "cdf-relay.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "cdf-relay.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "cdf-relay.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "cdf-relay.selector" -}}
app.kubernetes.io/name: {{ include "cdf-relay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cdf-relay.labels" -}}
{{ include "cdf-relay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "cdf-relay.serviceAccount" -}}
{{- default (ternary (include "cdf-relay.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "cdf-relay.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The text of relay.yaml. Only that it is there is checked here: the relay itself knows its keys. */}}
{{- define "cdf-relay.config" -}}
{{- if not .Values.config -}}
{{- fail "config is empty: put what belongs into relay.yaml there; values.yaml shows an example." -}}
{{- end -}}
{{- toYaml .Values.config -}}
{{- end -}}

{{- define "cdf-relay.port" -}}
{{- dig "http" "port" 9464 .Values.config | int -}}
{{- end -}}

{{/* config.limits.memory in Mi. */}}
{{- define "cdf-relay.memory" -}}
{{- $memory := dig "limits" "memory" "512MiB" .Values.config | toString -}}
{{- $number := regexFind "^[0-9]+" $memory | int -}}
{{- if hasSuffix "GiB" $memory -}}
{{- mul $number 1024 -}}
{{- else if hasSuffix "MiB" $memory -}}
{{- $number -}}
{{- else if hasSuffix "KiB" $memory -}}
{{- div $number 1024 -}}
{{- else -}}
{{- fail (printf "config.limits.memory is %s: the chart derives the pod's memory from it, so write a size such as 512MiB." $memory) -}}
{{- end -}}
{{- end -}}

{{- define "cdf-relay.resources" -}}
{{- $memory := include "cdf-relay.memory" . | int -}}
{{- $requests := dict "memory" (printf "%dMi" $memory) -}}
{{- $limits := dict "memory" (printf "%dMi" (div (mul $memory 3) 2)) -}}
{{- toYaml (mergeOverwrite (dict "requests" $requests "limits" $limits) (deepCopy .Values.resources)) -}}
{{- end -}}
