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
{{- $own := include "cdf-relay.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $own) -}}
{{- end -}}

{{/* Labels and annotations of an object; takes (list context object's-values), in which an object's own go before the common ones. */}}
{{- define "cdf-relay.metadata" -}}
{{- $context := index . 0 -}}
{{- $own := index . 1 -}}
labels:
  {{- $labels := include "cdf-relay.labels" $context | fromYaml -}}
  {{- toYaml (mergeOverwrite (deepCopy (default dict $own.labels)) $labels) | nindent 2 }}
{{- with mergeOverwrite (deepCopy $context.Values.commonAnnotations) (default dict $own.annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cdf-relay.serviceAccount" -}}
{{- default (ternary (include "cdf-relay.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "cdf-relay.image" -}}
{{- $repository := .Values.image.repository -}}
{{- with .Values.image.registry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The text of relay.yaml. Only that it is there is checked here: the relay itself knows its keys. */}}
{{- define "cdf-relay.config" -}}
{{- if not .Values.config -}}
{{- fail "config is empty: put what belongs into relay.yaml there; values.yaml shows an example." -}}
{{- end -}}
{{- $relay := mergeOverwrite (dict "name" (include "cdf-relay.fullname" .)) (default dict .Values.config.relay | deepCopy) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) (dict "relay" $relay)) -}}
{{- end -}}

{{- define "cdf-relay.configMap" -}}
{{- default (include "cdf-relay.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{/* Secrets that are mounted, as {names: […]}: those that paths in the config name, and those of `secrets.files`. */}}
{{- define "cdf-relay.secretFiles" -}}
{{- $names := .Values.secrets.files -}}
{{- range regexFindAll "/secrets/[^/\\s\"'}]+/" (toYaml .Values.config) -1 -}}
{{- $name := . | trimPrefix "/secrets/" | trimSuffix "/" -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,54}[a-z0-9])?$" $name) -}}
{{- fail (printf "config names the file %s…: the folder below /secrets is the name of a Secret, of small letters, digits and -, at most 56." .) -}}
{{- end -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- dict "names" ($names | uniq | sortAlpha) | toYaml -}}
{{- end -}}

{{- define "cdf-relay.port" -}}
{{- dig "http" "port" 9464 .Values.config | int -}}
{{- end -}}

{{- define "cdf-relay.servicePort" -}}
{{- default (include "cdf-relay.port" .) .Values.service.port -}}
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

{{/* Two replicas on one node or in one zone fall together. */}}
{{- define "cdf-relay.affinity" -}}
{{- if .Values.affinity -}}
{{- toYaml .Values.affinity -}}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "cdf-relay.selector" . | nindent 12 }}
{{- end -}}
{{- end -}}

{{- define "cdf-relay.topologySpread" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "cdf-relay.selector" . | fromYaml)) -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if not $constraints -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- end -}}
{{- $whole := list -}}
{{- range $constraints -}}
{{- $whole = append $whole (mergeOverwrite (deepCopy $selector) .) -}}
{{- end -}}
{{- toYaml $whole -}}
{{- end -}}

{{/* What a monitor says of the port; takes (list context monitor's-values). */}}
{{- define "cdf-relay.scrape" -}}
{{- $monitor := index . 1 -}}
port: http
path: /metrics
{{- with $monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with $monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with $monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
