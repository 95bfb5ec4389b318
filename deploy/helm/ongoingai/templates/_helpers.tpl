{{- define "ongoingai.name" -}}
{{- if contains "ongoingai" .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-ongoingai" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "ongoingai.selector" -}}
app.kubernetes.io/name: ongoingai
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ongoingai.labels" -}}
{{ include "ongoingai.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "ongoingai.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{- /* Settings that the chart sets; `config` is laid over them. */ -}}
{{- define "ongoingai.config" -}}
server:
  host: 0.0.0.0
  port: 8080
  # While keys are off, beside the pod's own address.
  allowed_hosts:
  {{- range $service := list (include "ongoingai.name" .) (printf "%s-metrics" (include "ongoingai.name" .)) }}
    - {{ $service }}
    - {{ $service }}.{{ $.Release.Namespace }}
    - {{ $service }}.{{ $.Release.Namespace }}.svc
    - {{ $service }}.{{ $.Release.Namespace }}.svc.cluster.local
  {{- end }}
  drain_delay_ms: {{ .Values.drainDelayMs | int64 }}
  shutdown_timeout_ms: {{ .Values.shutdownTimeoutMs | int64 }}
storage:
  driver: postgres
  dsn_file: /etc/ongoingai/database/{{ .Values.database.key }}
tracing:
  journal:
    path: /data/journal
auth:
  enabled: true
  pepper_file: /etc/ongoingai/pepper/{{ .Values.pepper.key }}
limits:
{{- if .Values.redis.secretName }}
  backend: redis
  redis_url_file: /etc/ongoingai/redis/{{ .Values.redis.key }}
{{- else }}
  backend: postgres
{{- end }}
{{- if .Values.redactionKey.secretName }}
pii:
  replacement:
    hash_key_file: /etc/ongoingai/redaction-key/{{ .Values.redactionKey.key }}
{{- end }}
{{- if .Values.metrics.enabled }}
observability:
  admin_address: {{ printf "0.0.0.0:%v" .Values.metrics.port | quote }}
  otel:
    enabled: true
    traces_enabled: false
    metrics_enabled: false
    prometheus_enabled: true
{{- end }}
{{- end -}}

{{- define "ongoingai.settings" -}}
{{- $config := mergeOverwrite (include "ongoingai.config" . | fromYaml) .Values.config -}}
{{- if ne $config.storage.driver "postgres" -}}
{{- fail "config.storage.driver: several gateways need one PostgreSQL; this chart runs nothing else" -}}
{{- end -}}
{{- if and (not $config.auth.enabled) (not .Values.allowOpen) -}}
{{- fail "config.auth.enabled is false: whoever reaches the gateways could use them; set allowOpen if that is meant" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
